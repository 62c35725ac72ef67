"""What command lines take as numbers: text -> value, or a sentence that says what is accepted."""

import argparse
from collections.abc import Callable


def share(text: str) -> float:
    """From 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"is {text}, accepted are numbers from 0 to 1")
    return value


def overlap_limit(text: str) -> float:
    """An IoU above 0, to 1."""
    value = share(text)
    if not value:
        raise argparse.ArgumentTypeError("is 0, by which everything overlaps; 1 is the most")
    return value


def count_from(least: int) -> Callable[[str], int]:
    """A type of whole numbers.

    Args:
        least: The first that is accepted.
    """

    def whole_number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"is {text}, accepted are numbers from {least} on")
        return value

    return whole_number


def seconds(text: str) -> float:
    """0 or more, not for ever."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"is {text}, accepted are seconds from 0 on")
    return value


def timeout(text: str) -> float:
    """Above 0, not for ever."""
    value = seconds(text)
    if not value:
        raise argparse.ArgumentTypeError(f"is {text}, accepted are seconds above 0")
    return value


def sigmas(text: str) -> tuple[float, ...]:
    """Numbers above 0, with commas between them."""
    values = tuple(float(one) for one in text.split(","))
    if not all(value > 0 for value in values):
        raise argparse.ArgumentTypeError(f"is {text}, accepted are numbers above 0")
    return values
