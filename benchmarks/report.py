"""Results -> the tables of `docs/performance.md`, between marks in text that people wrote."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import figures, goals
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Result
from benchmarks.options import SCHEMA
from benchmarks.picture import draw
from benchmarks.sections import markdown
from fidelity.report import NoPlace, put_between_marks


def write_report(files: Sequence[Path], document: Path) -> list[Path]:
    """Write the tables of each result and the goals, and the picture of all beside the document.

    Args:
        files: All results; `cpu-coins.json` goes between the marks `cpu-coins`, and a goal that
            none of them says anything about is not measured.
        document: A Markdown file with such marks.

    Returns:
        What was written.

    Raises:
        BenchmarkError: A file is no result, or the document has no marks for it.
    """
    results = {file.stem: _read(file) for file in files}
    try:
        for name, result in results.items():
            put_between_marks(document, name, markdown(result))
        put_between_marks(document, "goals", goals.markdown(results))
    except (NoPlace, OSError) as error:
        raise BenchmarkError(str(error)) from error
    picture = document.with_suffix(".png")
    draw(results, picture)
    return [document, picture]


def summary(result: Result) -> str:
    """The ratios in lines of plain text, and what went wrong."""
    lines = [
        f"{one.text:<45} {one.ratio.median:6.2f}   {one.ratio.low:.2f} to {one.ratio.high:.2f}"
        for one in figures.throughput_ratios(result)
    ]
    lines += [f"left out: {arm}: {reason}" for arm, reason in result["left_out"].items()]
    return "\n".join([*lines, *failures(result)])


def failures(result: Result) -> list[str]:
    """A sentence for every series with answers that were missing or wrong."""
    found = []
    for name in result["series"]:
        turns = figures.turns(result, name)
        count = sum(turn["failures"] for turn in turns)
        reasons = [
            *result["checked"][name]["reasons"],
            *result["warm_problems"].get(name, []),
            *(problem for turn in turns for problem in turn["problems"]),
        ]
        if count or reasons:
            asked = sum(len(turn["indices"]) for turn in turns)
            first = reasons[0] if reasons else "no reason kept"
            found.append(f"{name}: {count} of {asked} answers missing or wrong, such as: {first}")
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        schema = result["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(f"{file} is no result of a benchmark: {error!r}.") from error
    if schema != SCHEMA:
        raise BenchmarkError(f"{file} has schema {schema!r}, {SCHEMA} is read: measure again.")
    return result
