"""What a response format gets to see of one answered image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handler.metadata import Metadata
from handler.options import Options
from handler.predictions import Predictions


@dataclass(frozen=True)
class AnsweredImage:
    """One image and what the model says of it, options applied.

    Attributes:
        predictions: What the model says.
        metadata: What its numbers mean.
        model_name: Name under which it is served.
        model_version: Its version.
        options: Of the request.
        image_bgr: (H, W, 3) uint8, upright, of `predictions.size_hw`.
    """

    predictions: Predictions
    metadata: Metadata
    model_name: str
    model_version: str
    options: Options
    image_bgr: npt.NDArray[np.uint8]


def shortest(values: npt.NDArray[np.float32]) -> list[float]:
    """Doubles whose decimal forms are the shortest that parse back to these float32 bits.

    Args:
        values: (N,) float32.
    """
    return [float(str(value)) for value in values]
