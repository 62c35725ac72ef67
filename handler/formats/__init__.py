"""`Predictions` -> response bodies, one file a format."""
