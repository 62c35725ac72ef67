"""Detectron2's `Instances` -> `Predictions`, plain numpy. The only reader of `Instances`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # formats and their tests need numpy alone
    from detectron2.structures import Instances


@dataclass(frozen=True)
class Predictions:
    """What the model says of one image; N instances, best score first.

    Attributes:
        size_hw: Size of the image as sent, in pixels.
        boxes_xyxy: (N, 4) float32, absolute pixels (x0, y0, x1, y1).
        scores: (N,) float32, 0..1, descending.
        class_ids: (N,) int64, positions in the model's class list.
        masks: (N, H, W) bool, or None where the model has no mask head.
    """

    size_hw: tuple[int, int]
    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    masks: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def from_instances(cls, instances: Instances) -> Predictions:
        """Read the `instances` of a Detectron2 model's output.

        Args:
            instances: Post-processed to the size of the image as sent, on any device.
        """
        instances = instances.to("cpu")
        scores = instances.scores.numpy()
        # Stable: equal scores keep the order in which the model gave them.
        order = np.argsort(-scores, kind="stable")
        return cls(
            size_hw=instances.image_size,
            boxes_xyxy=instances.pred_boxes.tensor.numpy()[order],
            scores=scores[order],
            class_ids=instances.pred_classes.numpy()[order],
            masks=instances.pred_masks.numpy()[order] if instances.has("pred_masks") else None,
        )
