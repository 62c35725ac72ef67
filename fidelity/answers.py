"""What an answer says in numbers, and what it should say of what Detectron2 found."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from export.open_as_worker import Arrays


def read_answer(document: dict[str, Any]) -> Arrays:
    """Every number of a parsed answer in the native format.

    Returns:
        `answer.scores` (N,), `answer.boxes` (N, 4), `answer.classes` (N,), `answer.masks`
        (N, H, W) bool, `answer.keypoints` (N, K, 3), `answer.proposals` (M, 5),
        `answer.semantic` (H, W) class ids, `answer.panoptic` (H, W) segment ids with 0 for none,
        `answer.segments` a JSON text; those that the answer has.
    """
    size_hw = document["image"]["height"], document["image"]["width"]
    instances = document["predictions"]
    arrays: Arrays = {
        "answer.scores": np.array([one["score"] for one in instances], np.float32),
        "answer.boxes": np.array([one["box"] for one in instances], np.float32).reshape(-1, 4),
        "answer.classes": np.array([one["class_id"] for one in instances], np.int64),
    }
    if instances and "mask" in instances[0]:
        arrays["answer.masks"] = np.stack([_decoded(one["mask"]) for one in instances])
    if instances and "keypoints" in instances[0]:
        arrays["answer.keypoints"] = np.array([one["keypoints"] for one in instances], np.float32)
    if "proposals" in document:
        rows = [[*one["box"], one["objectness"]] for one in document["proposals"]]
        arrays["answer.proposals"] = np.array(rows, np.float32).reshape(-1, 5)
    if "semantic" in document:
        segments = document["semantic"]["segments"]
        arrays["answer.semantic"] = _painted(segments, "class_id", size_hw, nothing=-1)
    if "panoptic" in document:
        segments = document["panoptic"]["segments"]
        arrays["answer.panoptic"] = _painted(segments, "id", size_hw, nothing=0)
        said = [
            [one["id"], one["class_id"], one["is_thing"], _single(one.get("score"))]
            for one in segments
        ]
        arrays["answer.segments"] = np.array(json.dumps(said))
    return arrays


def expected_answer(output: Arrays) -> Arrays:
    """What `read_answer` should give.

    Args:
        output: Detectron2's output in arrays by name, as `export.open_as_worker.as_arrays` names
            them.
    """
    scores = output.get("instances.scores", np.zeros(0, np.float32))
    order = np.argsort(-scores, kind="stable")
    nothing = np.zeros((len(scores), 4), np.float32)
    arrays: Arrays = {
        "answer.scores": scores[order],
        "answer.boxes": output.get("instances.pred_boxes", nothing)[order],
        "answer.classes": output.get("instances.pred_classes", np.zeros(0, np.int64))[order],
    }
    for name in ("masks", "keypoints"):
        if len(scores) and f"instances.pred_{name}" in output:
            arrays[f"answer.{name}"] = output[f"instances.pred_{name}"][order]
    if "proposals.objectness_logits" in output:
        objectness = output["proposals.objectness_logits"]
        rows = np.concatenate([output["proposals.proposal_boxes"], objectness[:, None]], axis=1)
        arrays["answer.proposals"] = rows[np.argsort(-objectness, kind="stable")]
    if "sem_seg" in output:
        arrays["answer.semantic"] = output["sem_seg"].argmax(axis=0)
    if "panoptic_seg" in output:
        segments = json.loads(str(output["panoptic_segments"]))
        ids = output["panoptic_seg"].astype(np.int64)
        listed = np.isin(ids, [one["id"] for one in segments])
        arrays["answer.panoptic"] = np.where(listed, ids, 0)
        said = [
            [one["id"], one["category_id"], bool(one["isthing"]), _single(one.get("score"))]
            for one in segments
        ]
        arrays["answer.segments"] = np.array(json.dumps(said))
    return arrays


def _decoded(rle: dict[str, Any]) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = coco_mask.decode(rle).astype(np.bool_)
    return mask


def _painted(
    segments: list[dict[str, Any]], key: str, size_hw: tuple[int, int], *, nothing: int
) -> npt.NDArray[np.int64]:
    """A map of what `key` says of each segment, at the pixels of its mask."""
    painted = np.full(size_hw, nothing, np.int64)
    for segment in segments:
        painted[_decoded(segment["mask"])] = segment[key]
    return painted


def _single(score: float | None) -> float | None:
    """A score in single precision, as the network gave it."""
    return None if score is None else float(np.float32(score))
