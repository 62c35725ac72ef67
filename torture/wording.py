"""How findings say things."""

from collections.abc import Sequence


def between(seconds: Sequence[float]) -> str:
    """The least and the most, or the one where they are alike."""
    low, high = (f"{one:.1f}" for one in (min(seconds), max(seconds)))
    return f"{low} s" if low == high else f"{low} to {high} s"


def one_line(text: str, *, most: int = 300) -> str:
    """Without what marks a line of the server's, digests cut short."""
    words = " ".join(text.split()).removeprefix("==> ").split(" ")
    return " ".join(f"{word[:8]}..." if len(word) >= 64 else word for word in words)[:most]
