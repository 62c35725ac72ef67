"""Rows -> the tables of `docs/fidelity.md`, between marks in text that people wrote."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class NoPlace(Exception):
    """A document has no marks for a table; says which."""


def put_between_marks(document: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`.

    Raises:
        NoPlace: The marks are not there.
    """
    before = document.read_text(encoding="utf-8")
    marks = f"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
    after, count = re.subn(
        marks, lambda found: f"{found[1]}\n{text}\n\n{found[2]}", before, flags=re.DOTALL
    )
    if count != 1:
        raise NoPlace(f"{document} has no marks <!-- {name}: begin --> and <!-- {name}: end -->.")
    document.write_text(after, encoding="utf-8")


def zoo_table(rows: Sequence[dict[str, Any]], state: dict[str, Any]) -> str:
    """The table of `python -m fidelity zoo`, and a sentence before it.

    Args:
        rows: `check.Row.as_dict` of each config.
        state: `results.state_of_things`.
    """
    verdicts = Counter(row["result"] for row in rows)
    said = ", ".join(f"{count} {result}" for result, count in verdicts.most_common())
    totals: Counter[str] = Counter()
    for row in rows:
        totals.update({k: v for k, v in (row["compared"] or {}).items() if k != "classes"})
    lines = [
        f"{len(rows)} configs: {said}. Compared in all: {_listed(totals)}. {_of(state)}",
        "",
        "| config | held against | gives | compared | largest box difference, px "
        "| differing mask pixels | verdict |",
        "|---|---|---|---|--:|--:|---|",
    ]
    for row in rows:
        is_run = row["compared"] is not None
        cells = [
            row["config"],
            row["reference"],
            row["task"],
            _compared(row["compared"]) if is_run else "",
            f"{row['largest_box_difference_px']:.3g}" if is_run else "",
            str(row["differing_mask_pixels"]) if is_run else "",
            row["problem"] or row["result"],
        ]
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines)


def batches_table(rows: Sequence[dict[str, Any]], state: dict[str, Any]) -> str:
    """The table of `python -m fidelity batches`, and its summary.

    Args:
        rows: `batches.BatchRow.as_dict` of each batch size and config.
        state: `results.state_of_things`.
    """
    deviations = [row["deviation"] for row in rows]
    box = max((one["largest_box_px"] for one in deviations), default=0.0)
    score = max((one["largest_score"] for one in deviations), default=0.0)
    unpaired = sum(one["unpaired"] for one in deviations)
    pixels = sum(one["differing_pixels"] for one in deviations)
    mixed = sum(row["stacked_unequal"] for row in rows)
    lines = [
        f"Largest deviation from image by image: {box:.2g} px of a box, {score:.2g} of a score, "
        f"{pixels} mask pixels of {sum(one['pixels'] for one in deviations)}; "
        f"{unpaired} boxes without a counterpart among "
        f"{sum(one['boxes'] for one in deviations)}. "
        f"Forward passes with images of unequal padded shapes: {mixed}. {_of(state)}",
        "",
        "| config | shapes | batch | forward passes | images that differ | boxes | unpaired "
        "| largest box, px | largest score | differing mask pixels |",
        "|---|---|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        one = row["deviation"]
        passes = Counter(row["passes"])
        cells = [
            row["config"],
            row["shapes"],
            str(row["size"]),
            row["problem"] or ", ".join(f"{count} of {size}" for size, count in passes.items()),
            f"{one['differing_images']} of 8",
            *(str(one["boxes"]), str(one["unpaired"])),
            *(f"{one['largest_box_px']:.2g}", f"{one['largest_score']:.2g}"),
            f"{one['differing_pixels']} of {one['pixels']}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _compared(counts: dict[str, int]) -> str:
    of_instances = f" of {counts['classes']} classes" if "classes" in counts else ""
    return ", ".join(
        f"{count} {kind}{of_instances if kind == 'instances' else ''}"
        for kind, count in counts.items()
        if kind != "classes"
    )


def _listed(totals: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in totals.most_common())


def _of(state: dict[str, Any]) -> str:
    packages = sorted(state["versions"].items())  # as the rows keep them
    versions = ", ".join(f"{name} {version}" for name, version in packages)
    scale = state["scale"]
    return (
        f"With {versions}, on the CPU, threads: {state['threads']}; shorter side "
        f"{scale['min_size']} px, {scale['proposals']} proposals; code {state['code']}."
    )
