"""Detections and objects -> what matches what, as pycocotools decides it.

So numbers are those of Detectron2's `COCOEvaluator`. No image has to do with another one there, so
some images are matched at a time: what pycocotools keeps of an image and class is dozens of times
what is left of it here.
"""

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from client.classes import Category
from client.evaluate.dataset import Annotation, Dataset, ImageEntry
from client.evaluate.matches import MAX_DETECTIONS, ClassMatches, Matches, Task

IMAGES_AT_A_TIME = 250
"""pycocotools needs some 100 kB for an image of twenty objects."""

_MAX_KEYPOINT_DETECTIONS = 20
"""COCO's limit, which `COCOEvaluator` leaves as it is."""


class Matching:
    """Matches of images as they come."""

    def __init__(
        self,
        task: Task,
        categories: Sequence[Category],
        *,
        max_detections: int = MAX_DETECTIONS,
        keypoint_sigmas: Sequence[float] | None = None,
        also_at: Sequence[float] = (),
    ) -> None:
        """Begin.

        Args:
            task: What overlaps.
            categories: Of the data set.
            max_detections: The best so many of an image and class, for boxes and masks.
            keypoint_sigmas: One for each keypoint; None takes COCO's 17 of a person.
            also_at: Further IoU thresholds.
        """
        self._task = task
        self._categories = [{"id": one.id, "name": one.name} for one in categories]
        self._parameters = parameters = COCOeval(iouType=task).params
        parameters.catIds = sorted(one.id for one in categories)
        if task == "keypoints":
            parameters.maxDets = [_MAX_KEYPOINT_DETECTIONS]
            if keypoint_sigmas is not None:
                parameters.kpt_oks_sigmas = np.array(keypoint_sigmas)
        else:
            parameters.maxDets = [max_detections]
        new = [iou for iou in also_at if not np.isclose(parameters.iouThrs, iou, atol=1e-9).any()]
        parameters.iouThrs = np.concatenate([parameters.iouThrs, new])
        self._image_ids: list[int | str] = []
        self._parts: dict[tuple[int, int], list[ClassMatches]] = {}

    def add(
        self,
        images: Sequence[ImageEntry],
        annotations: Iterable[Annotation],
        results: Iterable[Mapping[str, Any]],
    ) -> None:
        """Match some more images.

        Args:
            images: By their ids, which come after those of all images before.
            annotations: Of these, with masks or keypoints where those are judged.
            results: COCO results of these.
        """
        if not images:
            return
        truth = _coco(
            [{"id": one.id, "height": one.size_hw[0], "width": one.size_hw[1]} for one in images],
            self._categories,
            [annotation.to_coco() for annotation in annotations],
        )
        evaluation = COCOeval(truth, _load(truth, results, self._task), self._task)
        evaluation.params = self._parameters
        evaluation.params.imgIds = [one.id for one in images]
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.evaluate()
        self._keep(evaluation.evalImgs, len(images))
        self._image_ids += (one.id for one in images)

    def _keep(self, found: Sequence[Mapping[str, Any] | None], count: int) -> None:
        """Take what `COCOeval` lists by category, range of areas and image."""
        areas = len(self._parameters.areaRng)
        for cell, start in enumerate(range(0, len(found), count)):
            of_images = [
                (len(self._image_ids) + position, one)
                for position, one in enumerate(found[start : start + count])
                if one
            ]
            if of_images:
                self._parts.setdefault(divmod(cell, areas), []).append(_part(of_images))

    def matches(self) -> Matches:
        """Of all images that came."""
        parameters = self._parameters
        thresholds = len(parameters.iouThrs)
        return Matches(
            self._task,
            np.asarray(parameters.iouThrs, dtype=np.float64),
            tuple(parameters.areaRngLbl),
            tuple(self._image_ids),
            tuple(int(one) for one in parameters.catIds),
            tuple(
                tuple(
                    _joined(self._parts.get((category, area), []), thresholds)
                    for area in range(len(parameters.areaRng))
                )
                for category in range(len(parameters.catIds))
            ),
        )


def match(
    dataset: Dataset,
    results: Iterable[Mapping[str, Any]],
    task: Task,
    *,
    image_ids: Iterable[int | str] | None = None,
    **options: Any,
) -> Matches:
    """Match detections with objects as `COCOEvaluator` does.

    Args:
        dataset: With masks or keypoints where those are judged.
        results: COCO results of all images.
        task: What overlaps.
        image_ids: Images that are judged; None is all of the data set.
        options: Of `Matching`.
    """
    chosen = None if image_ids is None else set(image_ids)
    images = [one for one in dataset.images if chosen is None or one.id in chosen]
    said: dict[int | str, list[Mapping[str, Any]]] = {one.id: [] for one in images}
    for result in results:
        if result["image_id"] in said:
            said[result["image_id"]].append(result)
    truth = dataset.by_image()
    matching = Matching(task, dataset.categories, **options)
    for some in batches(images):
        matching.add(
            some,
            [annotation for one in some for annotation in truth[one.id]],
            [result for one in some for result in said[one.id]],
        )
    return matching.matches()


def batches(images: Iterable[ImageEntry]) -> Iterable[list[ImageEntry]]:
    """Images as `Matching` takes them: by their ids, some at a time."""
    ordered = sorted(images, key=lambda one: one.id)
    for start in range(0, len(ordered), IMAGES_AT_A_TIME):
        yield ordered[start : start + IMAGES_AT_A_TIME]


def _coco(images: list[Any], categories: list[Any], annotations: list[Any]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": images, "categories": categories, "annotations": annotations}
        coco.createIndex()
    return coco


def _load(truth: Any, results: Iterable[Mapping[str, Any]], task: Task) -> Any:
    # Areas of masks are those of the box where there is one; `COCOEvaluator` takes it away as well.
    left_out = {"bbox"} if task == "segm" else set()
    copies = [{k: v for k, v in one.items() if k not in left_out} for one in results]
    if not copies:
        return _coco(truth.dataset["images"], truth.dataset["categories"], [])
    with contextlib.redirect_stdout(io.StringIO()):
        return truth.loadRes(copies)


def _part(images: Sequence[tuple[int, Mapping[str, Any]]]) -> ClassMatches:
    """What is left of one category and range of areas; detections in the order of images.

    Args:
        images: Position and `evalImgs` of each.
    """
    objects = [(position, np.count_nonzero(one["gtIgnore"] == 0)) for position, one in images]
    there = np.array([one for one in objects if one[1]], dtype=np.int32).reshape(-1, 2)
    positions = np.array([position for position, _ in images], dtype=np.int32)
    counted = np.concatenate([~one["dtIgnore"] for _, one in images], axis=1)
    matched = np.concatenate([one["dtMatches"] != 0 for _, one in images], axis=1)
    kept = np.any(counted, axis=0)
    return ClassMatches(
        np.concatenate([[], *(one["dtScores"] for _, one in images)])[kept],
        np.repeat(positions, [len(one["dtScores"]) for _, one in images])[kept],
        (matched & counted)[:, kept],
        counted[:, kept],
        there[:, 0].copy(),
        there[:, 1].copy(),
    )


def _joined(parts: Sequence[ClassMatches], thresholds: int) -> ClassMatches:
    """Parts one after another, the best score first."""
    nothing: npt.NDArray[np.bool_] = np.zeros((thresholds, 0), dtype=np.bool_)
    none: npt.NDArray[np.int32] = np.zeros(0, dtype=np.int32)
    scores = np.concatenate([np.zeros(0), *(one.scores for one in parts)])
    # A stable sort, as pycocotools has it: the order of equal scores changes AP.
    order = np.argsort(-scores, kind="stable")
    return ClassMatches(
        scores[order],
        np.concatenate([none, *(one.images for one in parts)])[order],
        np.concatenate([nothing, *(one.found for one in parts)], axis=1)[:, order],
        np.concatenate([nothing, *(one.counted for one in parts)], axis=1)[:, order],
        np.concatenate([none, *(one.object_images for one in parts)]),
        np.concatenate([none, *(one.object_counts for one in parts)]),
    )
