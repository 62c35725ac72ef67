"""Trained Detectron2 model -> TorchServe archive: `python -m export --help`."""
