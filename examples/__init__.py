"""Worked examples that use the repository the way a reader would."""
