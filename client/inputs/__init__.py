"""What a person names on the command line: the files that are meant, and what they are called."""
