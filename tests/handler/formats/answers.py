"""Answered images for the tests of formats: one of every kind that a model can answer with."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from handler.formats.answer import AnsweredImage
from handler.metadata import ClassInfo, InputSpec, Metadata
from handler.options import Options
from handler.predictions import Objects, Panoptic, Predictions, Proposals, Segment

SIZE_HW = (20, 30)
CLASSES = (
    ClassInfo("cat", (220, 20, 60), dataset_id=17),
    ClassInfo("dög", (0, 60, 100), dataset_id=18),
    ClassInfo("猫", (255, 255, 255)),
)
STUFF_CLASSES = (ClassInfo("sky", (70, 130, 180)), ClassInfo("gräss", (0, 255, 0)))
KEYPOINT_NAMES = ("nose", "tail")


def answered(
    *,
    size_hw: tuple[int, int] = SIZE_HW,
    outputs: tuple[str, ...] = ("boxes",),
    options: Options | None = None,
    **predicted: Any,
) -> AnsweredImage:
    """An image of which `predicted` is said; its pixels are grey."""
    metadata = Metadata(
        architecture="GeneralizedRCNN",
        config_kind="yacs",
        input=InputSpec("BGR", 800, 1333),
        outputs=outputs,
        classes=CLASSES,
        stuff_classes=STUFF_CLASSES,
        keypoint_names=KEYPOINT_NAMES,
        files={},
        exported_with={},
    )
    return AnsweredImage(
        predictions=Predictions(size_hw=size_hw, **predicted),
        metadata=metadata,
        model_name="pets",
        model_version="2.1",
        options=options or Options(image_id=42),
        image_bgr=np.full((*size_hw, 3), 128, np.uint8),
    )


def objects(
    count: int,
    *,
    masks: bool | npt.NDArray[np.bool_] = False,
    keypoints: bool = False,
    rotated: bool = False,
    size_hw: tuple[int, int] = SIZE_HW,
) -> Objects:
    """Random instances, the same for the same arguments; every mask has a pixel."""
    random, (height, width) = np.random.default_rng(count), size_hw
    corners = np.sort(random.random((count, 2, 2)), axis=1) * (width, height)
    boxes_xyxy = corners.reshape(count, 4).astype(np.float32)
    if isinstance(masks, bool):
        drawn = random.random((count, *size_hw)) > 0.5
        drawn[:, height // 2, width // 2] = True
    else:
        drawn = masks
    places = random.random((count, len(KEYPOINT_NAMES), 3)) * (width, height, 1)
    centres, sizes = random.random((count, 2)) * (width, height), random.random((count, 2)) * 9
    angles = random.random((count, 1)) * 360 - 180
    return Objects(
        boxes_xyxy=boxes_xyxy,
        scores=np.sort(random.random(count).astype(np.float32))[::-1],
        class_ids=np.arange(count) % len(CLASSES),
        masks=None if masks is False else drawn,
        keypoints=places.astype(np.float32) if keypoints else None,
        rotated_boxes=np.hstack([centres, sizes, angles]).astype(np.float32) if rotated else None,
    )


def instances(count: int, *, size_hw: tuple[int, int] = SIZE_HW, **heads: Any) -> AnsweredImage:
    """An image with `count` instances."""
    found = objects(count, size_hw=size_hw, **heads)
    kinds = ("masks", "keypoints")
    outputs = ("boxes", *(kind for kind in kinds if getattr(found, kind) is not None))
    return answered(size_hw=size_hw, outputs=outputs, objects=found)


def proposals(count: int) -> AnsweredImage:
    """An image with `count` proposals."""
    found = objects(count)
    return answered(
        outputs=("proposals",), proposals=Proposals(found.boxes_xyxy, found.scores * 10 - 5)
    )


def semantic(size_hw: tuple[int, int] = SIZE_HW) -> AnsweredImage:
    """An image whose upper half is sky and whose lower half is grass."""
    class_map = np.ones(size_hw, np.int64)
    class_map[: size_hw[0] // 2] = 0
    return answered(size_hw=size_hw, outputs=("semantic",), semantic=class_map)


def panoptic(*, with_instances: bool = False) -> AnsweredImage:
    """An image with sky, two cats and pixels of nothing."""
    segment_map = np.full(SIZE_HW, -1, np.int32)
    segment_map[:10] = 7
    segment_map[12:15, 3:6], segment_map[12:15, 20:24] = 8, 9
    segments = (Segment(7, False, 0), Segment(8, True, 0, 0.75), Segment(9, True, 0, 0.1))
    found = Objects.none()
    if with_instances:
        masks = np.stack([segment_map == 8, segment_map == 9])
        found = objects(2, masks=masks)
    return answered(
        outputs=("boxes", "masks", "panoptic") if with_instances else ("panoptic",),
        objects=found,
        panoptic=Panoptic(segment_map, segments),
    )


def not_a_number(where: str) -> AnsweredImage:
    """An image with an instance that has NaN in `boxes_xyxy`, `scores` or `keypoints`."""
    given = instances(1, keypoints=True)
    getattr(given.predictions.objects, where)[:] = np.nan
    return given


def unnamed(given: AnsweredImage) -> AnsweredImage:
    """The same, of a model whose classes nobody has named."""
    return replace(given, metadata=replace(given.metadata, classes=(), stuff_classes=()))


EVERY_KIND = [
    pytest.param(instances(0), id="nothing found"),
    pytest.param(instances(0, masks=True), id="nothing found, with masks"),
    pytest.param(instances(0, masks=True, keypoints=True), id="nothing found, with keypoints"),
    pytest.param(instances(0, rotated=True), id="nothing found, rotated"),
    pytest.param(instances(3), id="boxes"),
    pytest.param(instances(3, masks=True), id="masks"),
    pytest.param(instances(3, masks=np.zeros((3, *SIZE_HW), bool)), id="empty masks"),
    pytest.param(instances(3, keypoints=True), id="keypoints"),
    pytest.param(instances(3, masks=True, keypoints=True), id="masks and keypoints"),
    pytest.param(instances(3, rotated=True), id="rotated boxes"),
    pytest.param(instances(1, size_hw=(1, 1)), id="image of one pixel"),
    pytest.param(instances(1, masks=True, size_hw=(1, 1)), id="image of one pixel, with a mask"),
    pytest.param(semantic((1, 1)), id="image of one pixel, semantic"),
    pytest.param(instances(150, masks=True), id="many"),
    pytest.param(proposals(3), id="proposals"),
    pytest.param(proposals(0), id="no proposals"),
    pytest.param(semantic(), id="semantic"),
    pytest.param(panoptic(), id="panoptic"),
    pytest.param(panoptic(with_instances=True), id="panoptic with instances"),
]
"""Rows for a table that every format goes through."""
