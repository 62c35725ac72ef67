"""What stops an export, in sentences for the person who started it."""


class ExportError(Exception):
    """An export cannot be done as asked.

    Attributes:
        problems: Everything that was found wrong, a sentence each. All of it is reported at once,
            so that nobody mends one thing to be told the next.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
