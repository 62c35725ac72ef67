"""The same archives, requests and answers on a Ray cluster: docs/scale.md."""
