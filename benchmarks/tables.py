"""Markdown tables."""

from collections.abc import Sequence

from benchmarks.ratios import Estimate


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells -> text; the first column to the left, the others to the right."""
    lines = [
        f"| {' | '.join(head)} |",
        f"|---|{'--:|' * (len(head) - 1)}",
        *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows),
    ]
    return "\n".join(lines)


def estimate_cells(value: Estimate, *, factor: float = 1.0, unit: str = "") -> tuple[str, str]:
    """A median and its interval; of two values both instead, of one nothing.

    Args:
        value: Them.
        factor: What they are multiplied by, 100 for percent.
        unit: What is written behind.
    """

    def text(*numbers: float, between: str) -> str:
        return between.join(digits(factor * number) for number in numbers) + unit

    median = text(value.median, between="")
    if len(value.values) == 1:
        return median, ""
    if len(value.values) == 2:
        return median, text(*value.values, between=" and ")
    return median, text(value.low, value.high, between=" to ")


def digits(number: float) -> str:
    """Three digits that count, and all before the point."""
    return f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}"
