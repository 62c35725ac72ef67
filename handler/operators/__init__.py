"""Detectron2's compiled operators, from PyTorch and torchvision, where they were not compiled.

Inference alone: what the rotated ones would need for training is not here.
"""

from handler.operators.install import install_missing

__all__ = ["install_missing"]
