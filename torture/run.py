"""Faults one after another, each with its finding, and what was left behind."""

import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from torture.environment import environment
from torture.errors import NotHere, TortureError
from torture.fault import Fault
from torture.place import Place, Say

SCHEMA = 1

Row = dict[str, Any]


def run(
    faults: Sequence[Fault], *, archive: Path, quick: bool, say: Say
) -> Generator[Row, None, None]:
    """Do faults.

    Args:
        faults: In this order.
        archive: Of the coins model, with its .sha256.
        quick: Whether few seconds matter more than many requests.
        say: Gets a line for what is going on.

    Yields:
        A row of JSON values for each: `finding` (see `Finding`), or the sentence under `skipped`
        that says why this machine cannot do it.
    """
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder:
        place = Place(folder=Path(folder), archive=archive, quick=quick, say=say)
        begin = time.monotonic()
        try:
            for number, fault in enumerate(faults, 1):
                passed = time.monotonic() - begin
                at = f"{number} of {len(faults)}, {passed:.0f} s so far"
                say(f"{fault.name}: {fault.done} ({at})")
                row = _do(fault, place)
                say(_verdict(row))
                yield row
        finally:
            place.close()


def _do(fault: Fault, place: Place) -> Row:
    row: Row = {
        "schema": SCHEMA,
        "name": fault.name,
        "done": fault.done,
        "promise": fault.promise,
        "quick": place.quick,
        "environment": environment(),
        "skipped": None,
        "finding": None,
    }
    start = time.monotonic()
    try:
        row["finding"] = fault.do(place).as_dict()
        row["finding"]["broken"] += place.check()
    except NotHere as reason:
        row["skipped"] = str(reason)
    except TortureError as error:
        place.close()
        broken = [f"It could not be done to the end: {error}"]
        row["finding"] = {"saw": "", "returned": "", "lost": "", "figures": {}, "broken": broken}
    row["seconds"] = round(time.monotonic() - start, 1)
    return row


def broken(row: Row) -> list[str]:
    """Promises that were not kept."""
    return list(row["finding"]["broken"]) if row["finding"] else []


def _verdict(row: Row) -> str:
    seconds = f"({row['seconds']:.0f} s)"
    if row["skipped"]:
        return f"    skipped: {row['skipped']} {seconds}"
    finding = row["finding"]
    lines = [f"    {finding['saw']}", f"    lost: {finding['lost']} {seconds}"]
    return "\n".join([*lines, *(f"    BROKEN {one}" for one in finding["broken"])])
