"""The real photograph that the demo model is proven on: `coins.png` of scikit-image."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt


def photograph_path() -> Path:
    """Return where the installed scikit-image keeps the photograph, without importing it.

    Raises:
        FileNotFoundError: scikit-image is missing, or it came without its `coins.png`.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "The photograph coins.png comes with scikit-image, which is not installed. "
            "Install it with: python -m pip install scikit-image"
        )
    path = Path(spec.origin).parent / "data" / "coins.png"
    if not path.is_file():
        raise FileNotFoundError(
            f"The installed scikit-image has no photograph at {path}. "
            "Install it again with: python -m pip install --force-reinstall scikit-image"
        )
    return path


def load_photograph() -> npt.NDArray[np.uint8]:
    """Read the photograph.

    Returns:
        `image_bgr`, a uint8 array of shape (303, 384, 3) with three equal channels.

    Raises:
        FileNotFoundError: the photograph is not there, or cannot be decoded.
    """
    path = photograph_path()
    image_bgr: npt.NDArray[np.uint8] | None = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image_bgr is None:
        raise FileNotFoundError(f"The photograph {path} is there but cannot be decoded as PNG.")
    return image_bgr
