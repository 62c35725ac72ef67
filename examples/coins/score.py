"""Counts hits, misses and false alarms of the demo model on the real photograph.

`python -m examples.coins.score` measures the committed weights; nothing is written.
"""

from __future__ import annotations

import argparse
import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor
from pycocotools.coco import COCO

from examples.coins.photograph import load_photograph

HERE = Path(__file__).parent
REFERENCE = HERE / "reference.json"
SCORE_THRESHOLD = 0.7
# The overlap from which PASCAL VOC and COCO's AP50 call a prediction a hit.
HIT_IOU = 0.5

MaskArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Count:
    """How predictions compare with a reference.

    Attributes:
        hits: reference objects that were found.
        misses: reference objects that were not.
        false_alarms: predictions that belong to no reference object, or to one already found.
        ious: overlap of each reference object with its prediction, 0.0 where it was missed.
    """

    hits: int
    misses: int
    false_alarms: int
    ious: tuple[float, ...]


def pairwise_mask_iou(masks_a: MaskArray, masks_b: MaskArray) -> npt.NDArray[np.float64]:
    """Return intersection over union of each pair of masks.

    Args:
        masks_a: bool array of shape (N, H, W).
        masks_b: bool array of shape (M, H, W).

    Returns:
        float64 array of shape (N, M); 0 where both masks are empty.
    """
    flat_a = masks_a.reshape(len(masks_a), masks_a[:1].size or 1).astype(np.float64)
    flat_b = masks_b.reshape(len(masks_b), masks_b[:1].size or 1).astype(np.float64)
    if len(flat_a) == 0 or len(flat_b) == 0:
        return np.zeros((len(flat_a), len(flat_b)))
    intersection = flat_a @ flat_b.T
    union = flat_a.sum(axis=1)[:, None] + flat_b.sum(axis=1)[None, :] - intersection
    return intersection / np.maximum(union, 1.0)


def count_matches(
    reference: MaskArray, predicted: MaskArray, scores: npt.NDArray[np.floating]
) -> Count:
    """Match predictions to a reference, the most confident first, each to what it overlaps most.

    Args:
        reference: bool array of shape (N, H, W).
        predicted: bool array of shape (M, H, W).
        scores: confidence of each prediction, shape (M,).

    Returns:
        The count; a prediction is a hit from an overlap of 0.5 with an object not yet found.

    Raises:
        ValueError: there is not one score for each predicted mask.
    """
    if len(predicted) != len(scores):
        raise ValueError(
            f"There must be one score for each predicted mask; "
            f"there are {len(predicted)} masks and {len(scores)} scores."
        )
    overlaps = pairwise_mask_iou(reference, predicted)
    ious = np.zeros(len(reference))
    for column in np.argsort(-scores, kind="stable"):
        free = np.where(ious > 0, 0.0, overlaps[:, column])
        best = int(free.argmax()) if len(free) else -1
        if best >= 0 and free[best] >= HIT_IOU:
            ious[best] = free[best]
    hits = int((ious > 0).sum())
    return Count(hits, len(reference) - hits, len(predicted) - hits, tuple(ious.tolist()))


def load_reference(path: Path = REFERENCE) -> MaskArray:
    """Read hand-made masks in COCO's format.

    Returns:
        bool array of shape (N, H, W).

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There are no reference masks at {path}.")
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
    annotations = coco.loadAnns(sorted(coco.getAnnIds()))
    return np.array([coco.annToMask(annotation) for annotation in annotations], np.bool_)


def score_photograph(config_file: Path, weights: Path) -> Count:
    """Run the model over the photograph through Detectron2's `DefaultPredictor` and count.

    Args:
        config_file: the model's YAML configuration.
        weights: its weights.

    Raises:
        FileNotFoundError: the photograph or its reference is missing.
    """
    cfg = get_cfg()
    cfg.merge_from_file(str(config_file))
    cfg.MODEL.WEIGHTS = str(weights)
    cfg.MODEL.DEVICE = "cpu"
    instances = DefaultPredictor(cfg)(load_photograph())["instances"]
    instances = instances[instances.scores >= SCORE_THRESHOLD]
    return count_matches(load_reference(), instances.pred_masks.numpy(), instances.scores.numpy())


def sentence(count: Count) -> str:
    """Say a count in one sentence."""
    total = count.hits + count.misses
    ious = count.ious or (0.0,)
    return (
        f"{count.hits} of {total} coins found, {count.misses} missed, "
        f"{count.false_alarms} false alarms at score threshold {SCORE_THRESHOLD}; "
        f"mask IoU {min(ious):.3f} at least and {sum(ious) / len(ious):.3f} on average."
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.coins.score",
        description="Count what the demo model finds on the real photograph.",
        epilog="Example: python -m examples.coins.score --model-dir examples/coins/output",
    )
    parser.add_argument(
        "--model-dir",
        type=Path,
        default=HERE,
        help="folder with config.yaml and model_best.pth (default: the committed model)",
    )
    folder = parser.parse_args(arguments).model_dir
    print(sentence(score_photograph(folder / "config.yaml", folder / "model_best.pth")))


if __name__ == "__main__":
    main()
