"""`image_bgr` -> what the network takes, bit for bit as `DefaultPredictor` prepares it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from detectron2.data.transforms import ResizeShortestEdge, ResizeTransform
from detectron2.structures import Instances

from handler.errors import UnsupportedImage
from handler.metadata import InputSpec
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

    def __init__(self, spec: InputSpec) -> None:
        self._resize = ResizeShortestEdge([spec.min_size, spec.min_size], spec.max_size)
        self._is_rgb = spec.channels == "RGB"
        self._proposal_topk = spec.proposal_topk

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
        resized = transform.apply_image(image)
        # torch knows neither negative strides nor memory that may not be written.
        tensor = torch.as_tensor(np.require(resized, requirements=("C", "W")).transpose(2, 0, 1))
        instances = None
        if self._proposal_topk is not None and proposals is not None:
            instances = as_instances(
                proposals,
                transform,
                input_size_hw=(tensor.shape[1], tensor.shape[2]),
                topk=self._proposal_topk,
            )
        return ModelInput(image=tensor, size_hw=(height, width), proposals=instances)
