"""What a client may choose for one request: parsed from text or JSON, every mistake named."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handler.errors import InvalidOption
from handler.wording import shown

HEADER_PREFIX = "x-"
DEFAULT_FORMAT = "native"

SMALLEST_TILE = 64
"""Pixels; on less than that hardly a network finds anything."""

LARGEST_OVERLAP = 0.5
"""With it whatever is no larger than half a tile is whole in one of them; more would add tiles and
nothing else."""


@dataclass(frozen=True)
class Options:
    """The options of one request.

    Attributes:
        score_threshold: Lowest score that is answered; it cannot bring back what the model's own
            threshold has left out.
        max_detections: Largest number of instances that are answered, the best ones.
        classes: Class ids that are answered, or None for all.
        format: Name of the response format.
        tile: Side in pixels of the tiles that the image is cut into, or None for the image as it
            is.
        overlap: Share of a tile's side that it has in common with the next.
        image_id: What `coco` and `label_studio` answers call the image.
        from_name: Name of the labelling control in `label_studio` answers.
        to_name: Name of the labelled object in `label_studio` answers.
    """

    score_threshold: float = 0.0
    max_detections: int | None = None
    classes: frozenset[int] | None = None
    format: str = DEFAULT_FORMAT
    tile: int | None = None
    overlap: float = 0.2
    image_id: int | str = 0
    from_name: str = "label"
    to_name: str = "image"


def parse_options(
    given: Mapping[str, Any], *, class_names: Sequence[str], formats: Sequence[str]
) -> Options:
    """Read options as they were sent.

    Args:
        given: Values by name, in lower case; text (form fields, headers) or JSON values.
        class_names: The model's classes; an option may name them or give their ids.
        formats: Names of the response formats.

    Raises:
        InvalidOption: Every option that is unknown or has a value that is not accepted.
    """
    readers: dict[str, Callable[[Any], Any]] = {
        "score_threshold": lambda value: _share(value, most=1),
        "max_detections": lambda value: _whole_number(value, least=0),
        "classes": lambda value: _class_ids(value, class_names),
        "format": lambda value: _one_of(value, formats),
        "tile": lambda value: _whole_number(value, least=SMALLEST_TILE),
        "overlap": lambda value: _share(value, most=LARGEST_OVERLAP),
        "image_id": _image_id,
        "from_name": _text,
        "to_name": _text,
    }
    problems, values = [], {}
    if unknown := sorted(set(given) - set(readers)):
        known = ", ".join(readers)
        named = ", ".join(name[:60] for name in unknown[:10])
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        problems.append(f"unknown option {named}{more}, known are {known}")
    for name, read in readers.items():
        if name in given:
            try:
                values[name] = read(given[name])
            except ValueError as error:
                problems.append(f"{name} is {shown(given[name])}, {error}")
    if problems:
        raise InvalidOption(f"{'; '.join(problems)}.")
    return Options(**values)


OPTION_NAMES = tuple(Options.__dataclass_fields__)


def options_of_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """The options among request headers: `X-Score-Threshold` is `score_threshold`, in any case."""
    found = {}
    for header, value in headers.items():
        name = header.lower().removeprefix(HEADER_PREFIX).replace("-", "_")
        if header.lower().startswith(HEADER_PREFIX) and name in OPTION_NAMES:
            found[name] = str(value)
    return found


def _share(value: Any, *, most: float) -> float:
    number = _number(value)
    if not 0 <= number <= most:
        raise ValueError(f"a number from 0 to {most:g} is accepted")
    return number


def _whole_number(value: Any, *, least: int) -> int:
    number = _number(value)
    if number < least or number != int(number):
        raise ValueError(f"a whole number from {least} on is accepted")
    return int(number)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("a number is accepted")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError("a number is accepted") from None
    if not math.isfinite(number):
        raise ValueError("a finite number is accepted")
    return number


def _class_ids(value: Any, class_names: Sequence[str]) -> frozenset[int]:
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if isinstance(parts, int) and not isinstance(parts, bool):
        parts = [parts]
    if not isinstance(parts, (list, tuple)):
        raise ValueError("class names or ids are accepted")
    ids = {name: index for index, name in enumerate(class_names)}
    found = set()
    for part in parts:
        if isinstance(part, str) and part in ids:
            found.add(ids[part])
            continue
        try:
            number = _whole_number(part, least=0)
        except ValueError:
            raise ValueError(f"{shown(part)} is not a class of this model") from None
        if number >= len(class_names):
            raise ValueError(f"the model has the class ids 0 to {len(class_names) - 1}")
        found.add(number)
    return frozenset(found)


def _one_of(value: Any, accepted: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in accepted:
        raise ValueError(f"{', '.join(accepted)} are accepted")
    return value


def _image_id(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("a whole number or text is accepted")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("text is accepted")
    return value
