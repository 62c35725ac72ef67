"""An answered image -> a response body, one file a format."""
