"""A guide of docs/guides, as a test reads it: what to type, and what is printed then."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

GUIDES = ("cityscapes", "xray", "hpc", "handed-over", "detectron1")

_BLOCK = re.compile(r"<!-- (tested|printed): (\S+) -->\n((?:    .*\n|\n(?=    ))+)")
_NUMBER = r"-?\d[\d,]*(?:\.\d+)?"
_MEASURED = re.compile(
    r"\b[0-9a-f]{64}\b"  # a digest
    r"|(?<![\w.])-?\d+\.\d+(?![\w.])"
    r"|\b\d[\d,]*(?= (?:detections?|annotations?|objects?|pixels?|found)\b)"
    r"|\b\d+ of \d+(?= are sure)"
    r"|^ +\d[\d,]*(?= (?!of )\w)"  # how often a class was found
)


@dataclass(frozen=True)
class Guide:
    """A guide.

    Attributes:
        text: Of its file.
        tested: Commands and programs, by their names; those of programs end in `.py`.
        printed: What commands print, by the same names.
    """

    text: str
    tested: dict[str, str]
    printed: dict[str, str]


def read_guide(file: Path) -> Guide:
    """Read a guide; no two of its blocks of a kind have one name."""
    text = file.read_text(encoding="utf-8")
    blocks: dict[str, dict[str, str]] = {"tested": {}, "printed": {}}
    for kind, name, block in _BLOCK.findall(text):
        assert name not in blocks[kind], name
        blocks[kind][name] = textwrap.dedent(block)
    assert sum(map(len, blocks.values())) == text.count("<!-- ")
    assert blocks["printed"].keys() <= blocks["tested"].keys()
    return Guide(text, **blocks)


def assert_printed(shown: str, output: str) -> None:
    """Whether a command has printed what a guide shows, in that order.

    A guide may wrap lines, and leave out what `...` stands for. What was measured or found may
    differ, because the last bits of a network's numbers do: digests, numbers with a decimal point,
    how many detections, and the numbers of a table's rows.
    """
    said = _comparable(output)
    place = 0
    for part in shown.split("..."):
        wanted = _comparable(part)
        found = said.find(wanted, place)
        assert found >= 0, f"not printed: {wanted}\n--- but, from there on:\n{said[place:]}"
        place = found + len(wanted)


def _comparable(text: str) -> str:
    return " ".join(" ".join(map(_without_measures, text.splitlines())).split())


def _without_measures(line: str) -> str:
    name, *cells = re.split(r" {2,}", line.strip())
    if len(cells) > 2 and all(re.fullmatch(rf"{_NUMBER}|-", cell) for cell in cells):
        return " ".join([name, *("#" for _ in cells)])
    return _MEASURED.sub("#", line)
