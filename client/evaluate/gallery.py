"""The images with most errors as pictures of a page: what is there beside what the model says."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from client.evaluate.dataset import Annotation, ImageEntry
from client.evaluate.judging import Evaluation, JudgedImage
from client.report.pictures import Thumbnail, outline, thumbnail
from client.report.sections import Look, Panel, Picture, Shape
from client.wording import many

Results: TypeAlias = Sequence[Mapping[str, Any]]

LEGEND: tuple[tuple[Look, str], ...] = (
    ("right", "found"),
    ("missed", "missed"),
    ("wrong", "taken for another class"),
    ("false", "false alarm"),
    ("ignored", "crowd, not counted"),
)


def pictures(evaluation: Evaluation, files: Mapping[ImageEntry, Path], count: int) -> list[Picture]:
    """The worst images, drawn; without those that OpenCV reads otherwise or not at all.

    Args:
        evaluation: What was found.
        files: Of the images.
        count: So many at most.
    """
    names = {category.id: category.name for category in evaluation.dataset.categories}
    worst = (
        (one, thumbnail(files[one.image], one.image.size_hw)) for one in evaluation.worst(count)
    )
    return [_picture(one, small, names) for one, small in worst if small is not None]


def _picture(one: JudgedImage, small: Thumbnail, names: Mapping[int, str]) -> Picture:
    results = one.answer.results()
    counted = ((one.missed, "missed"), (one.confused, "confused"))
    parts = [f"{count} {what}" for count, what in counted if count]
    if one.false_alarms:
        parts.append(many(one.false_alarms, "false alarm"))
    return Picture(
        one.image.file_name,
        ", ".join(parts),
        small.src,
        small.width,
        small.height,
        (
            Panel("ground truth", tuple(_truth(one, results, small.scale, names))),
            Panel("prediction", tuple(_said(one, results, small.scale, names))),
        ),
    )


def _truth(
    one: JudgedImage, results: Results, scale: float, names: Mapping[int, str]
) -> Iterable[Shape]:
    said = {pair.object: results[pair.detection] for pair in one.pairing.pairs}
    for index, annotation in enumerate(one.annotations):
        name = names[annotation.category_id]
        look: Look
        if annotation.is_crowd:
            look, label = "ignored", f"{name} (crowd)"
        elif index not in said:
            look, label = "missed", name
        elif said[index]["category_id"] != annotation.category_id:
            look, label = "wrong", f"{name}, taken for {names[said[index]['category_id']]}"
        else:
            look, label = "right", name
        yield _shape_of_annotation(look, label, annotation, scale)


def _said(
    one: JudgedImage, results: Results, scale: float, names: Mapping[int, str]
) -> Iterable[Shape]:
    truth = {pair.detection: one.annotations[pair.object] for pair in one.pairing.pairs}
    shown = [*truth, *one.pairing.false_alarms, *one.pairing.ignored]
    for index in sorted(shown):
        result = results[index]
        label = f"{names[result['category_id']]} {result['score']:.2f}"
        look: Look = "right"
        if index in one.pairing.ignored:
            look = "ignored"
        elif index not in truth:
            look = "false"
        elif truth[index].category_id != result["category_id"]:
            look, label = "wrong", f"{label}, is {names[truth[index].category_id]}"
        yield _shape_of_result(look, label, result, scale)


def _shape_of_annotation(look: Look, label: str, one: Annotation, scale: float) -> Shape:
    keypoints = list(one.keypoints or ())
    seen = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True)
    return Shape(
        look,
        label,
        _scaled(one.box_xywh, scale),
        "" if one.rle is None else outline(one.rle, scale),
        # COCO annotates the index of a pixel.
        tuple(_point(x + 0.5, y + 0.5, scale) for x, y, visibility in seen if visibility),
    )


def _shape_of_result(look: Look, label: str, one: Mapping[str, Any], scale: float) -> Shape:
    keypoints = one.get("keypoints", [])
    return Shape(
        look,
        label,
        _scaled(one["bbox"], scale),
        outline(one["segmentation"], scale) if "segmentation" in one else "",
        tuple(
            _point(x + 0.5, y + 0.5, scale)
            for x, y in zip(keypoints[::3], keypoints[1::3], strict=True)
        ),
    )


def _scaled(box_xywh: Iterable[float], scale: float) -> tuple[float, float, float, float]:
    x, y, width, height = (round(value * scale, 1) for value in box_xywh)
    return x, y, width, height


def _point(x: float, y: float, scale: float) -> tuple[float, float]:
    return round(x * scale, 1), round(y * scale, 1)
