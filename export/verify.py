"""Holds a finished archive against Detectron2: the same images, every number compared."""

import json
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from detectron2.data.detection_utils import read_image

from client.predictions import Predictions
from export.agreement import Agreement, agreement
from export.clean_process import ProcessFailed, outputs_of
from export.errors import ExportError
from export.open_as_worker import Arrays, as_arrays
from export.references import ImageBGR, Predict
from handler.metadata import Precision

_GENERATED_SIZES_HW = ((240, 320), (320, 240), (213, 327))


@dataclass(frozen=True)
class Verdict:
    """What a comparison found.

    Attributes:
        reference: What the archive was held against.
        images: Number of images.
        detections: Number of instances on them, together.
        largest_box_difference_px: Over all boxes; 0.0 means the same bits.
        largest_score_difference: Over all scores.
        differing_mask_pixels: Over all masks.
        differing: Names of the outputs in which any bit differs.
        beside_exact: What a faster precision changes; None at the exact one.
    """

    reference: str
    images: int
    detections: int
    largest_box_difference_px: float
    largest_score_difference: float
    differing_mask_pixels: int
    differing: tuple[str, ...]
    beside_exact: Agreement | None = None

    @property
    def is_exact(self) -> bool:
        """Whether every bit of every output is the same."""
        return not self.differing

    def as_dict(self) -> dict[str, Any]:
        """For `metadata.json`."""
        document = {"exact": self.is_exact, "sentence": self.sentence(), **asdict(self)}
        if self.beside_exact is None:
            del document["beside_exact"]
        return document

    def sentence(self) -> str:
        """For people."""
        found = (
            f"largest box difference {self.largest_box_difference_px:.2g} px, largest score "
            f"difference {self.largest_score_difference:.2g}, "
            f"{self.differing_mask_pixels} mask pixels differ"
        )
        where = f"on {_count(self.images, 'image')} with {_count(self.detections, 'detection')}"
        if self.is_exact:
            equals = f"the archive's output equals {self.reference} {where}: {found}"
            return (
                equals if self.beside_exact is None else f"{equals}; {self.beside_exact.sentence()}"
            )
        return (
            f"the archive's output differs from {self.reference} {where}: {found}; "
            f"differing outputs: {', '.join(self.differing)}"
        )


def read_images(paths: Sequence[Path]) -> list[ImageBGR]:
    """The images to verify with: the given ones, or generated ones where none are given.

    Raises:
        ExportError: All that cannot be read.
    """
    if not paths:
        return [_generated(size_hw, seed) for seed, size_hw in enumerate(_GENERATED_SIZES_HW)]
    images, problems = [], []
    for path in paths:
        try:
            images.append(np.ascontiguousarray(read_image(str(path), format="BGR")))
        except Exception as error:  # decoders raise what they like
            problems.append(f"--verify-image {path} cannot be read as an image: {error}.")
    if problems:
        raise ExportError(*problems)
    return images


def verify(
    archive: Path,
    images: Sequence[ImageBGR],
    *,
    reference_name: str,
    reference: Predict,
    exact: Predict | None = None,
    precision: Precision = "exact",
) -> Verdict:
    """Compare: every number that the archive's network gives, and what its handler answers.

    Args:
        archive: The finished `.mar`.
        images: (H, W, 3) uint8 each, BGR.
        reference_name: For the verdict.
        reference: What it has to equal.
        exact: For a faster precision, what to say its distance from.
        precision: The archive's.

    Raises:
        ExportError: The archive cannot be opened or does not answer, with its last words.
    """
    try:
        expected = [as_arrays(reference(image_bgr)) for image_bgr in images]
    except Exception as error:  # parts of a network that cannot take a lower precision
        raise ExportError(f"{reference_name} does not run: {error}".rstrip(".") + ".") from error
    beside_exact = None
    if exact is not None:
        exactly = [as_arrays(exact(image_bgr)) for image_bgr in images]
        beside_exact = agreement(expected, exactly, precision=precision)
    found, answers = _predict_in_clean_process(archive, images)
    for one, theirs, (status, body) in zip(found, expected, answers, strict=True):
        if status != 200:
            raise ExportError(f"The finished archive does not answer an image: {body}")
        one.update(_answered(body))
        theirs.update(_to_be_answered(theirs))
    verdict = compare(found, expected, reference_name=reference_name)
    return replace(verdict, beside_exact=beside_exact)


def _answered(body: str) -> Arrays:
    """What an answer says of its instances, as a client reads it."""
    detections = Predictions.from_native(json.loads(body))
    arrays: Arrays = {
        "answer.boxes": detections.boxes_xyxy,
        "answer.scores": detections.scores,
        "answer.classes": detections.class_ids,
    }
    if detections.masks is not None and len(detections):
        arrays["answer.masks"] = detections.masks
    return arrays


def _to_be_answered(expected: Arrays) -> Arrays:
    """What an answer should say of the instances that Detectron2 found."""
    scores = expected.get("instances.scores", np.zeros(0, np.float32))
    order = np.argsort(-scores, kind="stable")
    boxes = expected.get("instances.pred_boxes", np.zeros((len(scores), 4), np.float32))[order]
    arrays: Arrays = {
        "answer.scores": scores[order],
        "answer.classes": expected.get("instances.pred_classes", np.zeros(0, np.int64))[order],
    }
    if boxes.shape[1] == 4:  # rotated ones are answered beside the upright ones around them
        arrays["answer.boxes"] = boxes
    if len(scores) and "instances.pred_masks" in expected:
        arrays["answer.masks"] = expected["instances.pred_masks"][order].astype(bool)
    return arrays


def compare(found: Sequence[Arrays], expected: Sequence[Arrays], *, reference_name: str) -> Verdict:
    """Compare outputs, image by image."""
    boxes = scores = 0.0
    pixels = detections = 0
    differing: set[str] = set()
    for ours, theirs in zip(found, expected, strict=True):
        detections += len(theirs.get("instances.scores", ()))
        for name in ours.keys() | theirs.keys():
            one, other = ours.get(name), theirs.get(name)
            if name == "answer.boxes" and other is None:
                continue
            if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
                differing.add(name)
            elif one.tobytes() != other.tobytes():
                differing.add(name)
                if name.endswith("_boxes"):
                    boxes = max(boxes, float(np.abs(one - other).max()))
                elif name.endswith("scores"):
                    scores = max(scores, float(np.abs(one - other).max()))
                elif name.endswith("_masks"):
                    pixels += int((one != other).sum())
    return Verdict(
        reference=reference_name,
        images=len(expected),
        detections=detections,
        largest_box_difference_px=boxes,
        largest_score_difference=scores,
        differing_mask_pixels=pixels,
        differing=tuple(sorted(differing)),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _predict_in_clean_process(
    archive: Path, images: Sequence[ImageBGR]
) -> tuple[list[Arrays], list[tuple[int, str]]]:
    """What the archive's network gives for each image, and what its handler answers."""
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        opened = Path(folder) / "opened"
        with zipfile.ZipFile(archive) as source:
            source.extractall(opened)
        images_file = Path(folder) / "images.npz"
        np.savez(images_file, *images)
        script = Path(__file__).with_name("open_as_worker.py")
        try:
            return outputs_of([script], images_file, opened=opened, images=len(images))
        except ProcessFailed as error:
            raise ExportError(
                f"The finished archive does not work in a process of its own: {error}"
            ) from error


def _generated(size_hw: tuple[int, int], seed: int) -> ImageBGR:
    """An image of coloured discs on a gradient with grain, the same for the same seed."""
    random = np.random.default_rng(seed)
    height, width = size_hw
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * 128 / width, y * 128 / height, (x + y) * 64 / width], axis=-1)
    for _ in range(12):
        centre_y, centre_x = random.uniform((0, 0), size_hw)
        inside = (y - centre_y) ** 2 + (x - centre_x) ** 2 < random.uniform(8, 40) ** 2
        image[inside] = random.uniform(0, 255, 3)
    image += random.normal(0, 6, image.shape)
    return np.ascontiguousarray(image.clip(0, 255).astype(np.uint8))
