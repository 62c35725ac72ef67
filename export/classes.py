"""Class names, ids and colours: given in a list or a file, or known to Detectron2."""

import colorsys
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detectron2.data import MetadataCatalog
from detectron2.data.datasets import builtin  # noqa: F401 - registers Detectron2's data sets

from export.errors import ExportError
from export.paths import is_file
from export.text_files import read_text
from handler.metadata import ClassInfo

_GOLDEN_RATIO = 0.618034  # hues this far apart never come close to one another


@dataclass(frozen=True)
class Labels:
    """What a model's numbers mean.

    Attributes:
        classes: Of the instances, by class id.
        stuff_classes: Of semantic and panoptic segmentation.
        keypoint_names: In the model's order.
        warnings: What was assumed, a sentence each.
    """

    classes: tuple[ClassInfo, ...] = ()
    stuff_classes: tuple[ClassInfo, ...] = ()
    keypoint_names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Count:
    """How many classes a part of the network tells apart.

    Attributes:
        number: So many; 0 where the network has no such part.
        source: What says so, for messages, such as `MODEL.ROI_HEADS.NUM_CLASSES`.
    """

    number: int
    source: str


def find_labels(
    *,
    classes: str | None,
    stuff_classes: str | None,
    datasets: Sequence[str],
    things: Count,
    stuff: Count,
    keypoints: int,
) -> Labels:
    """Find the names of everything that a model tells apart.

    Args:
        classes: Names with commas between them, a text file with one a line, a COCO annotations
            file, or None. They name instances; where a model answers with semantic segmentation
            alone, they name its classes.
        stuff_classes: The same for semantic and panoptic segmentation beside instances.
        datasets: Names of data sets; the first whose classes Detectron2 knows serves where nothing
            is given.
        things: Classes of the instances.
        stuff: Classes of semantic segmentation.
        keypoints: Number of keypoints of an instance, 0 for none.

    Raises:
        ExportError: Unreadable, a name twice, or another number of names than the network has; all
            of it.
    """
    if not things.number and stuff.number and classes is not None:
        classes, stuff_classes = None, classes
    problems: list[str] = []
    warnings: list[str] = []
    known = next((m for name in datasets if (m := _known(name, things, stuff))), None)
    named = _named("--classes", classes, things, known, "thing", problems, warnings)
    stuff_named = _named(
        "--stuff-classes", stuff_classes, stuff, known, "stuff", problems, warnings
    )
    if problems:
        raise ExportError(*problems)
    return Labels(named, stuff_named, _keypoint_names(known, keypoints), tuple(warnings))


def _known(dataset: str, things: Count, stuff: Count) -> Any:
    """Detectron2's metadata of a data set, where it fits the network."""
    if dataset not in MetadataCatalog.list():
        return None
    metadata = MetadataCatalog.get(dataset)
    fits_things = things.number in (0, len(metadata.get("thing_classes", ())))
    fits_stuff = stuff.number in (0, len(metadata.get("stuff_classes", ())))
    return metadata if fits_things and fits_stuff else None


def _named(
    option: str,
    argument: str | None,
    count: Count,
    known: Any,
    prefix: str,
    problems: list[str],
    warnings: list[str],
) -> tuple[ClassInfo, ...]:
    if argument is not None:
        try:
            found = _read(option, argument)
        except ExportError as error:
            problems.extend(error.problems)
            return ()
        problems.extend(_check(option, argument, found, count))
        return found
    if not count.number:
        return ()
    if known is not None:
        return _from_metadata(known, prefix)
    warnings.append(
        f"No class names: the {count.number} classes of {count.source} are called class_0, "
        f"class_1, ...; {option} names them."
    )
    return _with_colors([(f"class_{index}", None) for index in range(count.number)])


def _read(option: str, argument: str) -> tuple[ClassInfo, ...]:
    path = Path(argument)
    try:
        if not is_file(path):
            names = argument.split(",")
            return _with_colors([(name.strip(), None) for name in names if name.strip()])
        text = read_text(path)
        if path.suffix == ".json":
            return _with_colors(_coco_categories(json.loads(text)))
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        reason = "it is not text" if isinstance(error, UnicodeDecodeError) else repr(error)[:200]
        raise ExportError(f"{option} {argument} cannot be read: {reason}.") from error
    return _with_colors([(name, None) for line in text.splitlines() if (name := line.strip())])


def _coco_categories(document: Any) -> list[tuple[str, int | None]]:
    # Detectron2's load_coco_json numbers the classes in the order of their ids.
    categories = sorted(document["categories"], key=lambda one: one["id"])
    return [(str(one["name"]), int(one["id"])) for one in categories]


def _check(option: str, argument: str, found: Sequence[ClassInfo], count: Count) -> list[str]:
    names = [one.name for one in found]
    problems = []
    if not count.number:
        problems.append(f"{option} {argument}: the config's network has no such classes.")
    elif len(names) != count.number:
        problems.append(
            f"{option} {argument} gives {len(names)} names, {count.source} is {count.number}."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"{option} {argument} gives a name twice: {', '.join(twice)}.")
    return problems


def _from_metadata(metadata: Any, prefix: str) -> tuple[ClassInfo, ...]:
    ids = metadata.get(f"{prefix}_dataset_id_to_contiguous_id", {})
    dataset_ids = {index: dataset_id for dataset_id, index in ids.items()}
    names = metadata.get(f"{prefix}_classes")
    generated = _with_colors([(name, dataset_ids.get(i)) for i, name in enumerate(names)])
    colors = metadata.get(f"{prefix}_colors") or [one.color_rgb for one in generated]
    return tuple(
        ClassInfo(one.name, (int(color[0]), int(color[1]), int(color[2])), one.dataset_id)
        for one, color in zip(generated, colors, strict=True)
    )


def _keypoint_names(known: Any, keypoints: int) -> tuple[str, ...]:
    names = tuple(known.get("keypoint_names", ())) if known is not None else ()
    if len(names) == keypoints:
        return names
    return tuple(f"keypoint_{index}" for index in range(keypoints))


def _with_colors(names: Sequence[tuple[str, int | None]]) -> tuple[ClassInfo, ...]:
    return tuple(
        ClassInfo(name=name, color_rgb=_color(index), dataset_id=dataset_id)
        for index, (name, dataset_id) in enumerate(names)
    )


def _color(index: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(index * _GOLDEN_RATIO % 1.0, 0.85, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
