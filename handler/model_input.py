"""`image_bgr` -> what the network takes, at precision `exact` the bits of `DefaultPredictor`.

Detectron2 resizes with Pillow. At the other precisions torch does, several times as fast: the same
antialiased bilinear filter with weights of fewer bits, one level off in few pixels, two at times.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from detectron2.data.transforms import ResizeShortestEdge, ResizeTransform
from detectron2.structures import Instances

from handler.errors import UnsupportedImage
from handler.metadata import InputSpec, Precision
from handler.predictions import Proposals
from handler.proposals import as_instances


@dataclass(frozen=True)
class ModelInput:
    """One image, ready for the network.

    Attributes:
        image: (3, H', W') uint8 tensor on the CPU, resized for the model, channels in the order
            that the model was trained with. `DefaultPredictor` makes float32 of it; bytes are a
            quarter to copy.
        size_hw: Size of the image as it was sent, in pixels; predictions come in these units.
        proposals: Where the network looks for objects, in pixels of `image`; None where it finds
            that out itself.
    """

    image: torch.Tensor
    size_hw: tuple[int, int]
    proposals: Instances | None = None

    def as_dict(self) -> dict[str, Any]:
        """The dictionary of Detectron2's model input format, but for the bytes of its image."""
        height, width = self.size_hw
        given = {} if self.proposals is None else {"proposals": self.proposals}
        return {"image": self.image, "height": height, "width": width, **given}


class InputBuilder:
    """Prepares images as an `InputSpec` says."""

    def __init__(self, spec: InputSpec, *, precision: Precision = "exact") -> None:
        self._resize = ResizeShortestEdge([spec.min_size, spec.min_size], spec.max_size)
        self._is_rgb = spec.channels == "RGB"
        self._proposal_topk = spec.proposal_topk
        self._is_exact = precision == "exact"

    def __call__(
        self, image_bgr: npt.NDArray[np.uint8], proposals: Proposals | None = None
    ) -> ModelInput:
        """Prepare one image.

        Args:
            image_bgr: (H, W, 3) uint8.
            proposals: Where to look for objects, for a network that finds none of its own.

        Raises:
            UnsupportedImage: So long and thin that nothing is left of it after resizing.
        """
        image = image_bgr[:, :, ::-1] if self._is_rgb else image_bgr
        height, width = image.shape[:2]
        transform = self._resize.get_transform(image)
        if isinstance(transform, ResizeTransform) and min(transform.new_h, transform.new_w) < 1:
            raise UnsupportedImage(
                f"An image of {width} x {height} pixels is too long and thin: resized to the "
                f"model's input it would be {transform.new_w} x {transform.new_h} pixels."
            )
        if self._is_exact or not isinstance(transform, ResizeTransform):
            tensor = _channels_first(transform.apply_image(image))
        else:
            tensor = _resized(image, (transform.new_h, transform.new_w))
        instances = None
        if self._proposal_topk is not None and proposals is not None:
            instances = as_instances(
                proposals,
                transform,
                input_size_hw=(tensor.shape[1], tensor.shape[2]),
                topk=self._proposal_topk,
            )
        return ModelInput(image=tensor, size_hw=(height, width), proposals=instances)


def _channels_first(image: npt.NDArray[np.uint8]) -> torch.Tensor:
    # torch knows neither negative strides nor memory that may not be written.
    return torch.as_tensor(np.require(image, requirements=("C", "W")).transpose(2, 0, 1))


def _resized(image: npt.NDArray[np.uint8], size_hw: tuple[int, int]) -> torch.Tensor:
    given = _channels_first(image)
    if given.shape[1:] == size_hw:
        return given
    return F.interpolate(
        given[None], size_hw, mode="bilinear", align_corners=False, antialias=True
    )[0]
