"""Where log lines go."""

SERVE_LOG = "ray.serve"
"""The logger whose lines Serve keeps, in a file for each replica."""
