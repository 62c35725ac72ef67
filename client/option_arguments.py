"""The options of a request as a command line takes them."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from client.argument_types import count_from, share
from client.question import Options


def add_options(add: Callable[..., Any]) -> None:
    """Give a parser what `options_of` reads.

    Args:
        add: `add_argument` of the parser, or of a group of it.
    """
    add(
        "--score-threshold",
        "--confidence-threshold",
        type=share,
        metavar="S",
        help="least score of a detection, 0 to 1 (default: the model's own)",
    )
    add("--max-detections", type=count_from(0), metavar="N", help="the best so many of an image")
    add(
        "--classes",
        type=classes,
        metavar="C,C,...",
        help="names or ids of the classes that are wanted; as a JSON list where names have commas",
    )
    add("--tile", type=count_from(1), metavar="PX", help="cut large images into tiles of that side")
    add("--overlap", type=share, metavar="O", help="share of a tile that its neighbour has too")


def options_of(given: argparse.Namespace) -> Options:
    """What was given."""
    return Options(
        score_threshold=given.score_threshold,
        max_detections=given.max_detections,
        classes=given.classes,
        tile=given.tile,
        overlap=given.overlap,
    )


def classes(text: str) -> list[str | int]:
    """Names or ids with commas between, or a JSON list of them where names have commas."""
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        found = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"is {text}, which is no JSON list: {error}") from error
    if not all(isinstance(one, str | int) for one in found):
        raise argparse.ArgumentTypeError(f"is {text}, accepted are names and ids")
    return list(found)
