"""Results -> the tables of `docs/reliability.md`, between marks in text that people wrote."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fidelity.report import NoPlace, put_between_marks
from torture.errors import TortureError
from torture.run import SCHEMA, Row
from torture.soak.report import draw, markdown

SOAK = "soak"


def write_report(results: Path, names: Sequence[str], document: Path) -> list[Path]:
    """Write the table of faults and, where there is one, the soak's and its picture.

    Args:
        results: Folder of results.
        names: Of the faults, in the order of the table.
        document: A Markdown file with the marks `faults` and `soak`.

    Returns:
        What was written.

    Raises:
        TortureError: A file is no result, or the document has no marks.
    """
    rows = [_read(results / f"{name}.json") for name in names if _file(results, name).is_file()]
    soak = _read(_file(results, SOAK)) if _file(results, SOAK).is_file() else None
    written = [document]
    try:
        put_between_marks(document, "faults", faults_table(rows, names))
        if soak is not None:
            put_between_marks(document, "soak", markdown(soak))
            picture = document.with_suffix(".png")
            draw(soak, picture)
            written.append(picture)
    except (NoPlace, OSError) as error:
        raise TortureError(str(error)) from error
    return written


def write_row(results: Path, name: str, row: Row) -> Path:
    """Keep a result."""
    results.mkdir(parents=True, exist_ok=True)
    file = _file(results, name)
    file.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    return file


def faults_table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The table, and what it was found on."""
    lines = [
        "| fault | what was done | what clients saw | until service returned | what was lost |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        finding = row["finding"]
        cells = [f"`{row['name']}`", row["done"]]
        if row["skipped"]:
            cells += [f"not tried: {row['skipped']}", "", ""]
        else:
            cells += [finding["saw"], finding["returned"], finding["lost"]]
            cells[2] += "".join(f" **{one}**" for one in finding["broken"])
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    found = {row["name"] for row in rows}
    missing = [name for name in names if name not in found]
    if missing:
        lines += ["", f"Not measured yet: {', '.join(missing)}."]
    return "\n".join([*lines, "", _found_on(rows)])


def _found_on(rows: Sequence[Row]) -> str:
    """Machine, dates and commits, each once."""
    places: dict[str, list[str]] = {}
    for row in rows:
        given = row["environment"]
        versions = ", ".join(f"{name} {one}" for name, one in given["packages"].items())
        short = ", in its short form" if row["quick"] else ""
        threads = f", OMP_NUM_THREADS={given['threads']}" if given["threads"] else ""
        place = f"{given['cores']} cores of {given['cpu']}{threads}, {versions}"
        when = f"on {given['date']} at commit {given['commit']}{short}"
        times = places.setdefault(place, [])
        if when not in times:
            times.append(when)
    said = "; ".join(f"{place}: {', '.join(times)}" for place, times in places.items())
    return f"Found with {said}." if said else ""


def _file(results: Path, name: str) -> Path:
    return results / f"{name}.json"


def _read(file: Path) -> dict[str, Any]:
    try:
        row: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        schema = row["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TortureError(f"{file} is no result of torture: {error!r}.") from error
    if schema != SCHEMA:
        raise TortureError(f"{file} has schema {schema!r}, {SCHEMA} is read: measure again.")
    return row
