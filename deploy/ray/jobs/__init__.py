"""Images of any number through a model on all nodes of a Ray cluster: docs/ray-jobs.md."""
