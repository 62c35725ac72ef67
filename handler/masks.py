"""Binary masks -> COCO run-length encoding. Pure functions."""

from typing import TypedDict

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from handler.mask_time import counted


class Rle(TypedDict):
    """A mask in compressed COCO run-length encoding, as `pycocotools.mask.decode` takes it."""

    size: list[int]  # [height, width]
    counts: str


@counted
def mask_to_rle(mask: npt.NDArray[np.bool_]) -> Rle:
    """Encode one mask.

    Args:
        mask: (H, W) bool.
    """
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    height, width = mask.shape
    return {"size": [height, width], "counts": encoded["counts"].decode("ascii")}
