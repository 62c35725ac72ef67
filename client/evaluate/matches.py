"""Which detections count as found, at every IoU threshold: pycocotools' matching, kept as arrays.

pycocotools decides what matches what, so that numbers are those of Detectron2's `COCOEvaluator`.
What it finds is kept by image, so that it can be accumulated again with other weights of images
(`client.evaluate.precision`).
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from client.evaluate.dataset import Dataset

Task: TypeAlias = Literal["bbox", "segm", "keypoints"]

MAX_DETECTIONS = 100
"""Of an image and class, the best; COCO's limit for boxes and masks."""

_MAX_KEYPOINT_DETECTIONS = 20
"""COCO's limit, which `COCOEvaluator` leaves as it is."""


@dataclass(frozen=True)
class ClassMatches:
    """Detections of one category within one range of areas; D of them, I images, T thresholds.

    Detections that count neither way (outside of the range, or in a crowd) are not in it.

    Attributes:
        scores: (D,) float64, descending; equal ones in the order of the images.
        images: (D,) positions in `Matches.image_ids`.
        found: (T, D) bool: true positives; the others are false ones where `counted`.
        counted: (T, D) bool: whether a detection counts at that threshold.
        objects: (I,) how many objects of each image count.
    """

    scores: npt.NDArray[np.float64]
    images: npt.NDArray[np.int64]
    found: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    objects: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Matches:
    """What matches what in a data set, by one kind of overlap.

    Attributes:
        task: Overlap of boxes, of masks, or of keypoints (OKS).
        iou_thresholds: (T,) COCO's ten, and after them others that were asked for.
        areas: Names of the ranges of areas; the first is `all`.
        image_ids: I ids, ascending.
        category_ids: K ids, ascending.
        cells: K lists with an element for each range.
    """

    task: Task
    iou_thresholds: npt.NDArray[np.float64]
    areas: tuple[str, ...]
    image_ids: tuple[int | str, ...]
    category_ids: tuple[int, ...]
    cells: tuple[tuple[ClassMatches, ...], ...]

    def threshold_index(self, iou: float) -> int:
        """Position of a threshold in `iou_thresholds`.

        Raises:
            ValueError: Nothing was matched at it.
        """
        (found,) = np.nonzero(np.isclose(self.iou_thresholds, iou, rtol=0, atol=1e-9))
        if not len(found):
            raise ValueError(f"Nothing was matched at IoU {iou}, but at {self.iou_thresholds}.")
        return int(found[0])


def match(
    dataset: Dataset,
    results: Sequence[Mapping[str, Any]],
    task: Task,
    *,
    image_ids: Sequence[int | str] | None = None,
    max_detections: int = MAX_DETECTIONS,
    keypoint_sigmas: Sequence[float] | None = None,
    also_at: Sequence[float] = (),
) -> Matches:
    """Match detections with objects as `COCOEvaluator` does.

    Args:
        dataset: With masks or keypoints where those are judged.
        results: COCO results of all images.
        task: What overlaps.
        image_ids: Images that are judged; None is all of the data set.
        max_detections: The best so many of an image and class, for boxes and masks.
        keypoint_sigmas: One for each keypoint; None takes COCO's 17 of a person.
        also_at: Further IoU thresholds.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        truth = _coco(dataset)
        evaluation = COCOeval(truth, _load(truth, results, task), task)
        parameters = evaluation.params
        if image_ids is not None:
            parameters.imgIds = list(image_ids)
        if task == "keypoints":
            parameters.maxDets = [_MAX_KEYPOINT_DETECTIONS]
            if keypoint_sigmas is not None:
                parameters.kpt_oks_sigmas = np.array(keypoint_sigmas)
        else:
            parameters.maxDets = [max_detections]
        new = [iou for iou in also_at if not np.isclose(parameters.iouThrs, iou, atol=1e-9).any()]
        parameters.iouThrs = np.concatenate([parameters.iouThrs, new])
        evaluation.evaluate()
    return _arrays(evaluation, task)


def _coco(dataset: Dataset) -> Any:
    truth = COCO()
    truth.dataset = {
        "images": [
            {"id": image.id, "height": image.size_hw[0], "width": image.size_hw[1]}
            for image in dataset.images
        ],
        "categories": [{"id": one.id, "name": one.name} for one in dataset.categories],
        "annotations": [annotation.to_coco() for annotation in dataset.annotations],
    }
    truth.createIndex()
    return truth


def _load(truth: Any, results: Sequence[Mapping[str, Any]], task: Task) -> Any:
    # Areas of masks are those of the box where there is one; `COCOEvaluator` takes it away as well.
    left_out = {"bbox"} if task == "segm" else set()
    copies = [{k: v for k, v in one.items() if k not in left_out} for one in results]
    if copies:
        return truth.loadRes(copies)
    nothing = COCO()
    nothing.dataset = {**truth.dataset, "annotations": []}
    nothing.createIndex()
    return nothing


def _arrays(evaluation: Any, task: Task) -> Matches:
    parameters = evaluation.params
    image_ids = [_plain(one) for one in parameters.imgIds]
    positions = {id_: position for position, id_ in enumerate(image_ids)}
    areas, count = len(parameters.areaRng), len(image_ids)
    cells = []
    for category in range(len(parameters.catIds)):
        row = []
        for area in range(areas):
            start = (category * areas + area) * count
            row.append(
                _cell(
                    [one for one in evaluation.evalImgs[start : start + count] if one],
                    positions,
                    thresholds=len(parameters.iouThrs),
                )
            )
        cells.append(tuple(row))
    return Matches(
        task,
        np.asarray(parameters.iouThrs, dtype=np.float64),
        tuple(parameters.areaRngLbl),
        tuple(image_ids),
        tuple(int(one) for one in parameters.catIds),
        tuple(cells),
    )


def _cell(
    images: Sequence[Mapping[str, Any]], positions: Mapping[int | str, int], *, thresholds: int
) -> ClassMatches:
    objects = np.zeros(len(positions), dtype=np.int64)
    for one in images:
        objects[positions[_plain(one["image_id"])]] = np.count_nonzero(one["gtIgnore"] == 0)
    empty = np.zeros((thresholds, 0), dtype=np.bool_)
    scores = np.concatenate([[], *(one["dtScores"] for one in images)])
    image = np.repeat(
        np.array([positions[_plain(one["image_id"])] for one in images], dtype=np.int64),
        [len(one["dtScores"]) for one in images],
    )
    matched = np.concatenate([empty, *(one["dtMatches"] != 0 for one in images)], axis=1)
    counted = np.concatenate([empty, *(~one["dtIgnore"] for one in images)], axis=1)
    # A stable sort, as pycocotools has it: the order of equal scores changes AP.
    order = np.argsort(-scores, kind="stable")
    order = order[np.any(counted, axis=0)[order]]
    return ClassMatches(
        scores[order],
        image[order],
        (matched & counted)[:, order],
        counted[:, order],
        objects,
    )


def _plain(id_: Any) -> int | str:
    """An id as it was before numpy had it."""
    plain: int | str = id_.item() if isinstance(id_, np.generic) else id_
    return plain
