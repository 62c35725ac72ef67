"""Ways to get from a JPEG to what is on it, ours and others'."""
