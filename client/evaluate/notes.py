"""What can be judged of answers, and what to know before one believes the numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from client.evaluate.dataset import Dataset
from client.evaluate.matches import Task

_PERSON_KEYPOINTS = 17
_SUSPICIOUS_SCORE = 0.06
"""Detectron2's own least score is 0.05; a model that finds more than a few things comes near it."""

_ENOUGH_DETECTIONS = 10


def judged_tasks(
    dataset: Dataset, results: Sequence[Mapping[str, Any]], sigmas: Sequence[float] | None
) -> tuple[list[Task], list[str]]:
    """What is judged, as `COCOEvaluator` sees it from the answers, and what cannot be.

    Args:
        dataset: What is there.
        results: COCO results of an image in which the model found something; none where it never
            did.
        sigmas: Of each keypoint; None takes COCO's 17 of a person.

    Returns:
        The tasks, and sentences.
    """
    tasks: list[Task] = ["bbox"]
    notes = []
    if any("segmentation" in one for one in results):
        if dataset.has_masks:
            tasks.append("segm")
        elif dataset.annotations:
            notes.append("Not all objects of the annotations have masks: masks are not judged.")
    keypoints = next((len(one["keypoints"]) // 3 for one in results if "keypoints" in one), None)
    if keypoints is not None:
        needed = len(sigmas or ()) or _PERSON_KEYPOINTS
        if keypoints == dataset.keypoint_count == needed:
            tasks.append("keypoints")
        else:
            there = dataset.keypoint_count or "not all have as many or any"
            notes.append(
                f"Keypoints are not judged: the model has {keypoints}, the objects of the "
                f"annotations have {there}, and there are {needed} sigmas; all have to be the "
                "same. --keypoint-sigmas names them."
            )
    if any("rotated_box" in one for one in results):
        notes.append(
            "The model answers with rotated boxes. What is judged is the upright box around each, "
            "against the upright boxes of the annotations: AP is not that of Detectron2's "
            "RotatedCOCOEvaluator, which compares rotated ones."
        )
    return tasks, notes


def number_notes(
    objects: int, detections: int, lowest_score: float, model_threshold: float | None = None
) -> list[str]:
    """What AP does not say by itself.

    Args:
        objects: How many there are, crowds left out.
        detections: How many the model has made.
        lowest_score: Of these.
        model_threshold: Below which the model answers nothing, as it says; None where it does not.
    """
    if not objects:
        return ["No image that was judged has an object: AP is not defined."]
    if not detections:
        return ["The model found nothing: AP is 0."]
    if model_threshold is not None:
        if model_threshold < _SUSPICIOUS_SCORE:
            return []
        return [
            f"The model answers nothing with a score below {model_threshold:g}, which its archive "
            "was exported with. AP counts on low scores, so it is lower than the weights deserve; "
            "an archive exported with --score-threshold 0.05 shows it."
        ]
    if lowest_score < _SUSPICIOUS_SCORE or detections < _ENOUGH_DETECTIONS:
        return []
    return [
        f"The lowest score of {detections} detections is {lowest_score:.4f}: the model seems to "
        "leave out what is below. AP counts on low scores, so it is lower than the weights "
        "deserve; an archive exported with --score-threshold 0.05 shows it."
    ]
