"""What an arm found on an image, from whatever form it answers in."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, cast

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask


class CocoRle(TypedDict):
    """A mask in compressed run lengths, as pycocotools writes and reads it."""

    size: list[int]
    counts: str


@dataclass(frozen=True)
class Found:
    """The objects found on one image, best score first; N of them.

    Attributes:
        boxes: (N, 4) float32; pixels.
        scores: (N,) float32.
        class_ids: (N,) int64.
        masks: Run lengths of N masks. pycocotools writes the same pixels in one way alone, so that
            equal texts are equal masks.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    masks: tuple[CocoRle, ...]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def of(cls, boxes: Any, scores: Any, class_ids: Any, masks: Sequence[CocoRle]) -> "Found":
        """From lists or arrays in any order."""
        scores = np.asarray(scores, np.float32).reshape(-1)
        order = np.argsort(-scores, kind="stable")
        return cls(
            np.asarray(boxes, np.float32).reshape(-1, 4)[order],
            scores[order],
            np.asarray(class_ids, np.int64).reshape(-1)[order],
            tuple(masks[index] for index in order),
        )


def from_instances(instances: Any) -> Found:
    """Of Detectron2's `Instances`, on any device."""
    fields = instances.to("cpu").get_fields()
    return Found.of(
        fields["pred_boxes"].tensor.numpy(),
        fields["scores"].numpy(),
        fields["pred_classes"].numpy(),
        [encode(mask) for mask in fields["pred_masks"].numpy()],
    )


def from_native(body: bytes) -> Found:
    """Of our handler's own format."""
    objects = json.loads(body)["predictions"]
    return Found.of(
        [one["box"] for one in objects],
        [one["score"] for one in objects],
        [one["class_id"] for one in objects],
        [one["mask"] for one in objects],
    )


def from_coco(body: bytes) -> Found:
    """Of what Detectron2 evaluates with; its boxes are (left, top, width, height)."""
    objects = json.loads(body)
    return Found.of(
        [one["bbox"] for one in objects],
        [one["score"] for one in objects],
        [one["category_id"] for one in objects],
        [one["segmentation"] for one in objects],
    )


def from_lists(body: bytes) -> Found:
    """Of a dictionary of lists; masks are lists of rows of pixels, or run lengths."""
    answer = json.loads(body)
    masks: list[CocoRle] = [
        cast(CocoRle, mask) if isinstance(mask, dict) else encode(np.array(mask, np.bool_))
        for mask in answer["masks"]
    ]
    return Found.of(answer["boxes"], answer["scores"], answer["classes"], masks)


def with_coco_boxes(found: Found) -> Found:
    """The same with boxes as `from_coco` has them."""
    boxes = found.boxes.copy()
    boxes[:, 2:] -= boxes[:, :2]
    return Found(boxes, found.scores, found.class_ids, found.masks)


def encode(mask: npt.NDArray[np.bool_]) -> CocoRle:
    """Run lengths of an (H, W) mask, by pycocotools."""
    rle = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode("ascii")}
