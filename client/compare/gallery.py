"""Images on which two versions differ most, as pictures of a page: both answers and the truth."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from client.compare.comparison import Comparison
from client.compare.differences import Differences, Thing
from client.counterparts import found
from client.evaluate.dataset import Annotation
from client.evaluate.judging import JudgedImage
from client.overlap import corners_of
from client.report.pictures import outline, thumbnail
from client.report.sections import Look, Panel, Picture, Shape

Names: TypeAlias = Mapping[int, str]


def legend(labels: tuple[str, str]) -> tuple[tuple[Look, str], ...]:
    """What looks mean.

    Args:
        labels: Of the versions.
    """
    return (
        ("right", "both"),
        ("wrong", "another class"),
        ("missed", f"only {labels[0]}"),
        ("false", f"only {labels[1]}"),
        ("ignored", "truth that neither finds, or a crowd"),
    )


def pictures(
    comparison: Comparison,
    answers: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]],
    files: Mapping[str, Path],
    labels: tuple[str, str],
    captions: Mapping[str, str],
) -> list[Picture]:
    """The most different images, drawn; without those that OpenCV reads otherwise or not at all.

    Args:
        comparison: What was found.
        answers: Both answers, in the `native` format, by name of an image.
        files: Of the images, likewise.
        labels: Of the versions.
        captions: What is worth seeing, by name of an image.
    """
    judged = comparison.judged
    categories = () if judged is None else judged.old.dataset.categories
    names = {category.id: category.name for category in categories}
    drawn = []
    for one in comparison.most_different(len(answers)):
        size = answers[one.name][0]["image"]
        small = thumbnail(files[one.name], (size["height"], size["width"]))
        if small is None:
            continue
        looks = _looks(one.differences)
        panels = [
            Panel(labels[side], tuple(_shapes(answers[one.name][side], looks[side], small.scale)))
            for side in (0, 1)
        ]
        if one.judged is not None:
            panels.insert(0, Panel("ground truth", tuple(_truth(one.judged, small.scale, names))))
        drawn.append(
            Picture(one.name, captions[one.name], small.src, small.width, small.height, panels)
        )
    return drawn


_Looks = dict[tuple[str, int], tuple[Look, Thing, str]]
"""By kind and position of an object: its look, what it is, and what else is to be said of it."""


def _looks(differences: Differences) -> tuple[_Looks, _Looks]:
    old: _Looks = {}
    new: _Looks = {}
    for match in differences.same:
        old[match.kind, match.old.index] = ("right", match.old, "")
        new[match.kind, match.new.index] = ("right", match.new, "")
    for match in differences.changed:
        old[match.kind, match.old.index] = ("wrong", match.old, "")
        new[match.kind, match.new.index] = ("wrong", match.new, f", was {match.old.class_name}")
    for single in differences.only_old:
        old[single.kind, single.thing.index] = ("missed", single.thing, "")
    for single in differences.only_new:
        new[single.kind, single.thing.index] = ("false", single.thing, "")
    return old, new


def _shapes(answer: Mapping[str, Any], looks: _Looks, scale: float) -> Iterable[Shape]:
    for kind in dict.fromkeys(kind for kind, _ in looks):
        objects = found(answer, kind).objects
        for (of_kind, index), (look, thing, more) in looks.items():
            if of_kind == kind:
                score = "" if thing.score is None else f" {thing.score:.2f}"
                yield _shape(look, f"{thing.class_name}{score}{more}", objects[index], scale)


def _shape(look: Look, label: str, one: Mapping[str, Any], scale: float) -> Shape:
    """Of an object in the `native` format."""
    x0, y0, x1, y1 = one["box"] if "box" in one else _box_around(one["mask"])
    if "mask" in one:
        drawn = outline(one["mask"], scale)
    elif "rotated_box" in one:
        drawn = _polygon(corners_of(np.array(one["rotated_box"])) * scale)
    else:
        drawn = ""
    return Shape(
        look,
        label,
        (_px(x0, scale), _px(y0, scale), _px(x1 - x0, scale), _px(y1 - y0, scale)),
        drawn,
        tuple((_px(x, scale), _px(y, scale)) for x, y, *_ in one.get("keypoints", [])),
    )


def _box_around(mask: Mapping[str, Any]) -> tuple[float, float, float, float]:
    x, y, width, height = coco_mask.toBbox({**mask, "counts": mask["counts"].encode()}).tolist()
    return x, y, x + width, y + height


def _polygon(points_xy: npt.NDArray[np.float64]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points_xy.tolist()) + "Z"


def _px(value: float, scale: float) -> float:
    return round(value * scale, 1)


def _truth(judged: tuple[JudgedImage, JudgedImage], scale: float, names: Names) -> Iterable[Shape]:
    """Objects, by which of the versions finds them as what they are."""
    by_old, by_new = (one.right for one in judged)
    for index, annotation in enumerate(judged[0].annotations):
        name = names[annotation.category_id]
        if annotation.is_crowd:
            yield _shape("ignored", f"{name} (crowd)", _as_native(annotation), scale)
        else:
            look = _LOOKS[index in by_old, index in by_new]
            yield _shape(look, name, _as_native(annotation), scale)


_LOOKS: dict[tuple[bool, bool], Look] = {
    (True, True): "right",
    (True, False): "missed",
    (False, True): "false",
    (False, False): "ignored",
}
"""Of objects, by whether the old version and the new one find them."""


def _as_native(one: Annotation) -> dict[str, Any]:
    x, y, width, height = one.box_xywh
    keypoints = list(one.keypoints or ())
    seen = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True)
    return {
        "box": (x, y, x + width, y + height),
        **({} if one.rle is None else {"mask": one.rle}),
        # COCO annotates the index of a pixel.
        "keypoints": [(x + 0.5, y + 0.5) for x, y, visibility in seen if visibility],
    }
