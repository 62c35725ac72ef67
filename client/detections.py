"""The `native` response format -> numpy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask


@dataclass(frozen=True)
class Detections:
    """What a server says of one image; N instances, best score first.

    Attributes:
        model: Name and version of the model that answered.
        size_hw: Size of the image, in pixels.
        boxes_xyxy: (N, 4) float32, absolute pixels (x0, y0, x1, y1); the model's own bits.
        scores: (N,) float32.
        class_ids: (N,) int64.
        class_names: N names.
        masks: (N, H, W) bool, or None where the model has no mask head.
    """

    model: tuple[str, str]
    size_hw: tuple[int, int]
    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    masks: npt.NDArray[np.bool_] | None

    # What `client.drawing.draw` reads of `Predictions`, which takes the place of this class.
    rotated_boxes = keypoints = proposals = semantic = panoptic = None

    @property
    def mask_rles(self) -> list[Any] | None:
        """The masks, run-length encoded."""
        if self.masks is None:
            return None
        return [coco_mask.encode(np.asfortranarray(mask, np.uint8)) for mask in self.masks]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def from_native(cls, document: dict[str, Any]) -> "Detections":
        """Read a parsed response body."""
        instances = document["predictions"]
        size_hw = (document["image"]["height"], document["image"]["width"])
        boxes = [instance["box"] for instance in instances]
        return cls(
            model=(document["model"]["name"], document["model"]["version"]),
            size_hw=size_hw,
            boxes_xyxy=np.array(boxes, dtype=np.float32).reshape(-1, 4),
            scores=np.array([instance["score"] for instance in instances], dtype=np.float32),
            class_ids=np.array([instance["class_id"] for instance in instances], dtype=np.int64),
            class_names=tuple(instance["class_name"] for instance in instances),
            masks=_masks(instances, size_hw),
        )


def _masks(
    instances: list[dict[str, Any]], size_hw: tuple[int, int]
) -> npt.NDArray[np.bool_] | None:
    if not all("mask" in instance for instance in instances):
        return None
    masks = np.zeros((len(instances), *size_hw), dtype=np.bool_)
    for mask, instance in zip(masks, instances, strict=True):
        mask[:] = coco_mask.decode(instance["mask"])
    return masks
