"""What a server says of one image, as numpy: the `native` response format -> `Predictions`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask


class Rle(TypedDict):
    """A mask as COCO's compressed run-length encoding, of the whole image."""

    size: list[int]
    counts: str


@dataclass(frozen=True)
class Segment:
    """A region of a semantic or panoptic segmentation.

    Attributes:
        class_id: Position in the model's classes, from 0: of `classes` for a thing, else of
            `stuff_classes`.
        class_name: Its name.
        rle: Its pixels; `decode_rle` has them as an array.
        is_thing: Whether it is an object that can be counted.
        id: Its value in a panoptic model's map; None in a semantic segmentation.
        score: 0 to 1, where the model gives one.
    """

    class_id: int
    class_name: str
    rle: Rle
    is_thing: bool = False
    id: int | None = None
    score: float | None = None


@dataclass(frozen=True)
class Proposals:
    """Regions in which a region proposal network expects objects, the best first.

    Attributes:
        boxes_xyxy: (P, 4) float32, absolute pixels (x0, y0, x1, y1).
        objectness: (P,) float32, logits.
    """

    boxes_xyxy: npt.NDArray[np.float32]
    objectness: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model found in one image; N instances, the best score first.

    What the model has no head for is None. So are rotated boxes where nothing was found, because
    the answer then does not tell, and with archives that older exports made masks and keypoints
    as well. Numbers are the model's own bits. Coordinates
    are pixels of the upright image as it was sent (EXIF orientation applied), from its top left
    corner.

    Attributes:
        model_name: Who answered.
        model_version: Which version of it.
        size_hw: Height and width of the image, in pixels.
        boxes_xyxy: (N, 4) float32; of rotated boxes the upright ones around them.
        scores: (N,) float32, 0 to 1.
        class_ids: (N,) int64, positions in the model's classes, from 0.
        class_names: N names.
        mask_rles: N masks, run-length encoded; `masks` has them as an array.
        rotated_boxes: (N, 5) float32: centre x, centre y, width, height, degrees anticlockwise.
        keypoints: (N, K, 3) float32: x, y, score; K is 0 where nothing was found.
        proposals: Of a region proposal network.
        semantic: The classes that are in the image; each pixel is in one.
        panoptic: A pixel is in one segment or in none.
        seconds: How long the server took for each stage, by the names of `Server-Timing`.
    """

    model_name: str
    model_version: str
    size_hw: tuple[int, int]
    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    mask_rles: tuple[Rle, ...] | None = None
    rotated_boxes: npt.NDArray[np.float32] | None = None
    keypoints: npt.NDArray[np.float32] | None = None
    proposals: Proposals | None = None
    semantic: tuple[Segment, ...] | None = None
    panoptic: tuple[Segment, ...] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def from_native(
        cls, document: Mapping[str, Any], seconds: Mapping[str, float] | None = None
    ) -> "Predictions":
        """Read a parsed response body.

        Args:
            document: Of the format `native`.
            seconds: As the attribute of that name.
        """
        instances, outputs = document["predictions"], document.get("outputs", ())
        has_masks = _has(instances, "mask", otherwise="masks" in outputs)
        has_keypoints = _has(instances, "keypoints", otherwise="keypoints" in outputs)
        return cls(
            model_name=document["model"]["name"],
            model_version=document["model"]["version"],
            size_hw=(document["image"]["height"], document["image"]["width"]),
            boxes_xyxy=_floats([one["box"] for one in instances], (-1, 4)),
            scores=_floats([one["score"] for one in instances], (-1,)),
            class_ids=np.array([one["class_id"] for one in instances], dtype=np.int64),
            class_names=tuple(one["class_name"] for one in instances),
            mask_rles=tuple(one["mask"] for one in instances) if has_masks else None,
            rotated_boxes=(
                _floats([one["rotated_box"] for one in instances], (-1, 5))
                if _has(instances, "rotated_box", otherwise=False)
                else None
            ),
            keypoints=(
                _keypoints([one["keypoints"] for one in instances]) if has_keypoints else None
            ),
            proposals=_proposals(document.get("proposals")),
            semantic=_segments(document.get("semantic")),
            panoptic=_segments(document.get("panoptic")),
            seconds=dict(seconds or {}),
        )

    @cached_property
    def masks(self) -> npt.NDArray[np.bool_] | None:
        """(N, H, W) bool, decoded when it is first asked for; None where `mask_rles` is None."""
        if self.mask_rles is None:
            return None
        masks = np.zeros((len(self), *self.size_hw), dtype=np.bool_)
        for mask, rle in zip(masks, self.mask_rles, strict=True):
            mask[:] = decode_rle(rle)
        return masks

    def above(self, score: float) -> "Predictions":
        """The instances of that score or more; segments and proposals stay as they are.

        Args:
            score: 0 to 1.
        """
        return self.take(np.flatnonzero(self.scores >= np.float32(score)))

    def take(self, indices: npt.NDArray[np.intp]) -> "Predictions":
        """Some of the instances; segments and proposals stay as they are.

        Args:
            indices: (M,) positions, in the order that is wanted.
        """
        chosen = indices.tolist()
        return Predictions(
            model_name=self.model_name,
            model_version=self.model_version,
            size_hw=self.size_hw,
            boxes_xyxy=self.boxes_xyxy[indices],
            scores=self.scores[indices],
            class_ids=self.class_ids[indices],
            class_names=tuple(self.class_names[i] for i in chosen),
            mask_rles=None if self.mask_rles is None else tuple(self.mask_rles[i] for i in chosen),
            rotated_boxes=None if self.rotated_boxes is None else self.rotated_boxes[indices],
            keypoints=None if self.keypoints is None else self.keypoints[indices],
            proposals=self.proposals,
            semantic=self.semantic,
            panoptic=self.panoptic,
            seconds=self.seconds,
        )

    def to_coco(
        self, image_id: int | str, category_ids: Mapping[int, int] | None = None
    ) -> list[dict[str, Any]]:
        """See `client.conversions.coco.to_coco`."""
        from client.conversions.coco import to_coco

        return to_coco(self, image_id, category_ids)

    def to_supervision(self) -> Any:
        """See `client.conversions.supervision.to_supervision`."""
        from client.conversions.supervision import to_supervision

        return to_supervision(self)

    def to_detectron2(self) -> Any:
        """See `client.conversions.detectron2.to_detectron2`."""
        from client.conversions.detectron2 import to_detectron2

        return to_detectron2(self)


def decode_rle(rle: Rle) -> npt.NDArray[np.bool_]:
    """The (H, W) bool pixels of a mask.

    Args:
        rle: Of an answer.
    """
    return np.asarray(coco_mask.decode(rle)).astype(np.bool_)


def _floats(values: Any, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    # The handler writes the shortest decimals that give a float32 back, so this is exact.
    return np.array(values, dtype=np.float32).reshape(shape)


def _keypoints(values: Sequence[Any]) -> npt.NDArray[np.float32]:
    return _floats(values, (len(values), -1 if values else 0, 3))


def _has(instances: Sequence[Mapping[str, Any]], key: str, *, otherwise: bool) -> bool:
    """Whether the model has such a head, as instances show; where there are none, `otherwise`."""
    return all(key in one for one in instances) if instances else otherwise


def _proposals(found: Sequence[Mapping[str, Any]] | None) -> Proposals | None:
    if found is None:
        return None
    return Proposals(
        _floats([one["box"] for one in found], (-1, 4)),
        _floats([one["objectness"] for one in found], (-1,)),
    )


def _segments(found: Mapping[str, Any] | None) -> tuple[Segment, ...] | None:
    if found is None:
        return None
    return tuple(
        Segment(
            class_id=one["class_id"],
            class_name=one["class_name"],
            rle=one["mask"],
            is_thing=one.get("is_thing", False),
            id=one.get("id"),
            score=one.get("score"),
        )
        for one in found["segments"]
    )
