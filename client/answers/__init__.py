"""Answers about many images, kept on disk as they come, so that a run can go on where it stopped."""
