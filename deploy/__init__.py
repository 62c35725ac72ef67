"""What stands around the server, and other engines under the same archives."""
