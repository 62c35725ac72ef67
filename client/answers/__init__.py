"""Answers about many images, kept on disk as they come, so that a stopped run can go on."""
