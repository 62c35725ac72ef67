"""What the command line takes: text -> value, or a sentence that says what is accepted."""

import argparse
import re

_RANGE = re.compile(r"(\d+)(?::(\d+))?")


def process_range(text: str) -> tuple[int, int]:
    """A number of processes, or the fewest and the most of them."""
    found = _RANGE.fullmatch(text)
    fewest, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= fewest <= most:
        raise argparse.ArgumentTypeError(
            f"is {text}, accepted are a number from 1 on, and two with a colon between, the "
            "smaller one first"
        )
    return fewest, most


def share_of_gpus(text: str) -> float:
    """0, a part of a GPU, or whole GPUs, which Ray gives out no other way."""
    value = float(text)
    if not (0 <= value <= 1 or (value > 1 and value.is_integer())):
        raise argparse.ArgumentTypeError(f"is {text}, accepted are 0 to 1 and whole numbers")
    return value


def cpus(text: str) -> float:
    """Above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"is {text}, accepted are numbers above 0")
    return value
