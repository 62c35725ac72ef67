"""Versions of served models, changed without losing a request: `python -m client models --help`."""
