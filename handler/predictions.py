"""A Detectron2 output dictionary -> `Predictions`, plain numpy. The only reader of `Instances`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from handler.cropped_masks import CroppedMasks
from handler.run_masks import RunMasks

if TYPE_CHECKING:  # formats and their tests need numpy alone
    from detectron2.structures import Instances
    from torch import Tensor

Masks: TypeAlias = npt.NDArray[np.bool_] | CroppedMasks | RunMasks
"""To be read as an (N, H, W) array along its first axis."""


@dataclass(frozen=True)
class Objects:
    """The instances that were found; N of them, best score first.

    Attributes:
        boxes_xyxy: (N, 4) float32, absolute pixels (x0, y0, x1, y1); of rotated boxes the upright
            ones around them.
        scores: (N,) float32, 0..1, descending.
        class_ids: (N,) int64, positions in the model's class list.
        masks: (N, H, W) bool, all there or painted one at a time; None where the model has no mask
            head.
        keypoints: (N, K, 3) float32, (x, y, score) each, or None where it has no keypoint head.
        rotated_boxes: (N, 5) float32, (centre x, centre y, width, height, degrees anticlockwise),
            or None where its boxes are upright.
    """

    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    masks: Masks | None = None
    keypoints: npt.NDArray[np.float32] | None = None
    rotated_boxes: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: npt.NDArray[Any] | slice) -> Objects:
        """Some of them, in the order of `rows`."""
        picked: dict[str, Any] = {
            name: None if value is None else value[rows] for name, value in vars(self).items()
        }
        return Objects(**picked)

    @classmethod
    def none(cls) -> Objects:
        """No instances, as a model without boxes finds them."""
        return cls(
            boxes_xyxy=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            class_ids=np.zeros(0, np.int64),
        )


@dataclass(frozen=True)
class Proposals:
    """Where objects may be; N boxes, best first.

    Attributes:
        boxes_xyxy: (N, 4) float32, absolute pixels.
        objectness: (N,) float32, logits, descending.
    """

    boxes_xyxy: npt.NDArray[np.float32]
    objectness: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Segment:
    """One part of a panoptic segmentation.

    Attributes:
        id: Its value in the map.
        is_thing: Whether it is an instance of `classes`; else it is one of `stuff_classes`.
        class_id: Position in that list.
        score: Of a thing, where the model gives one.
    """

    id: int
    is_thing: bool
    class_id: int
    score: float | None = None


@dataclass(frozen=True)
class Panoptic:
    """A panoptic segmentation.

    Attributes:
        segment_map: (H, W) int32, the id of each pixel's segment; pixels of none hold an id that is
            not among `segments`.
        segments: The segments.
    """

    segment_map: npt.NDArray[np.int32]
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class PanopticIds:
    """How a model that lists no segments writes them into the ids of its map (Panoptic-DeepLab).

    Attributes:
        label_divisor: An id is class_id * label_divisor + the number of the instance; -1 is none.
        thing_class_ids: The class ids that are instances.
    """

    label_divisor: int
    thing_class_ids: frozenset[int]


@dataclass(frozen=True)
class Predictions:
    """Everything that a model says of one image.

    Attributes:
        size_hw: Size of the image as sent, in pixels.
        objects: The instances.
        proposals: Or None where the model answers with something else.
        semantic: (H, W) int64, each pixel's position in `stuff_classes`, or None.
        panoptic: Or None.
    """

    size_hw: tuple[int, int]
    objects: Objects = field(default_factory=Objects.none)
    proposals: Proposals | None = None
    semantic: npt.NDArray[np.int64] | None = None
    panoptic: Panoptic | None = None

    @classmethod
    def from_output(
        cls,
        output: dict[str, Any],
        *,
        size_hw: tuple[int, int],
        panoptic_ids: PanopticIds | None = None,
    ) -> Predictions:
        """Read a Detectron2 model's output for one image.

        Args:
            output: Post-processed to the size of the image as sent, on any device.
            size_hw: That size.
            panoptic_ids: For a model that lists no segments.
        """
        return cls(
            size_hw=size_hw,
            objects=_objects(output["instances"]) if "instances" in output else Objects.none(),
            proposals=_proposals(output["proposals"]) if "proposals" in output else None,
            semantic=_semantic(output["sem_seg"]) if "sem_seg" in output else None,
            panoptic=_panoptic(output["panoptic_seg"], panoptic_ids)
            if "panoptic_seg" in output
            else None,
        )


def _objects(instances: Instances) -> Objects:
    masks = _masks(instances.get("pred_masks")) if instances.has("pred_masks") else None
    fields = {name: one for name, one in instances.get_fields().items() if name != "pred_masks"}
    instances = type(instances)(instances.image_size, **fields).to("cpu")
    scores = _field(instances, "scores")
    boxes = _field(instances, "pred_boxes")
    if boxes is None:  # masks alone, as Panoptic-DeepLab gives them
        boxes = _around(() if masks is None else masks)
    rotated = boxes if boxes.shape[1] == 5 else None
    objects = Objects(
        boxes_xyxy=boxes if rotated is None else _upright(rotated),
        scores=scores,
        class_ids=_field(instances, "pred_classes").astype(np.int64),
        masks=masks,
        keypoints=_field(instances, "pred_keypoints"),
        rotated_boxes=rotated,
    )
    # Stable: equal scores keep the order in which the model gave them.
    order = np.argsort(-scores, kind="stable")
    # Masks may take gigabytes: they are copied only where they have to be.
    return objects if (np.diff(order) == 1).all() else objects[order]


def _masks(masks: Tensor | CroppedMasks) -> Masks:
    if isinstance(masks, CroppedMasks):
        return masks
    if _is_on_gpu(masks):
        return RunMasks.of(masks)
    array: npt.NDArray[np.bool_] = masks.numpy().astype(np.bool_, copy=False)
    return array


def _is_on_gpu(tensor: Tensor) -> bool:
    return tensor.is_cuda


def _field(instances: Instances, name: str) -> Any:
    """A field as an array, or None where the instances have no such field."""
    if not instances.has(name):
        return None
    value = instances.get(name)
    tensor = getattr(value, "tensor", value).detach()
    # numpy has no bfloat16; float32 stays as it is.
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _upright(rotated_boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(N, 4) boxes around (N, 5) rotated ones."""
    x, y, width, height, angle = rotated_boxes.astype(np.float64).T
    cos, sin = np.abs(np.cos(np.radians(angle))), np.abs(np.sin(np.radians(angle)))
    half_width, half_height = (
        (cos * width + sin * height) / 2,
        (sin * width + cos * height) / 2,
    )
    corners = [x - half_width, y - half_height, x + half_width, y + half_height]
    return np.stack(corners, axis=1).astype(np.float32)


def _around(masks: Masks | tuple[()]) -> npt.NDArray[np.float32]:
    """(N, 4) boxes around (N, H, W) masks; zeros around an empty one."""
    boxes_xyxy = np.zeros((len(masks), 4), np.float32)
    for box_xyxy, mask in zip(boxes_xyxy, masks, strict=True):
        ys, xs = np.nonzero(mask)
        if len(xs):
            box_xyxy[:] = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    return boxes_xyxy


def _proposals(instances: Instances) -> Proposals:
    instances = instances.to("cpu")
    objectness = _field(instances, "objectness_logits")
    order = np.argsort(-objectness, kind="stable")
    return Proposals(_field(instances, "proposal_boxes")[order], objectness[order])


def _semantic(logits: Any) -> npt.NDArray[np.int64]:
    classes: npt.NDArray[np.int64] = logits.argmax(dim=0).cpu().numpy()
    return classes


def _panoptic(panoptic_seg: tuple[Any, Any], panoptic_ids: PanopticIds | None) -> Panoptic:
    segment_map, segments = panoptic_seg
    ids = segment_map.cpu().numpy().astype(np.int32)
    if segments is not None:
        return Panoptic(ids, tuple(_segment(one) for one in segments))
    if panoptic_ids is None:
        raise ValueError("The model lists no segments and does not say how to read their ids.")
    found = []
    for number in np.unique(ids[ids >= 0]).tolist():
        class_id = number // panoptic_ids.label_divisor
        found.append(Segment(number, class_id in panoptic_ids.thing_class_ids, class_id))
    return Panoptic(ids, tuple(found))


def _segment(info: dict[str, Any]) -> Segment:
    score = info.get("score")
    return Segment(
        id=int(info["id"]),
        is_thing=bool(info["isthing"]),
        class_id=int(info["category_id"]),
        score=None if score is None else float(score),
    )
