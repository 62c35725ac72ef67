"""Every link of every document leads to a file that is there, and to a heading of it."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MADE = {"build", "logs", "output"}  # by commands, as are folders whose name begins with a dot


def documents() -> Iterator[Path]:
    """All Markdown files of the tree."""
    for path in sorted(ROOT.iterdir()):
        if path.is_dir() and path.name not in MADE and path.name[0] != ".":
            yield from sorted(path.rglob("*.md"))
        elif path.suffix == ".md":
            yield path


def prose(text: str) -> str:
    """A document without its blocks of code."""
    fenceless = re.sub(r"^(```+|~~~+).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<=\n\n)(?: {4}.*\n|\n)+", "\n", fenceless)


def links(text: str) -> list[str]:
    """Where a document leads: links and pictures, inline or by reference, but no addresses."""
    inline = re.findall(r"\]\(<?([^)\s>]+)", prose(text))
    references = re.findall(r"^ {0,3}\[[^\]]+\]: *<?([^\s>]+)", prose(text), re.MULTILINE)
    every = chain(inline, references)
    return [link for link in every if not re.match(r"[a-z]+:", link)]


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them; the second of a name ends in -1."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ +(.+?) *#*$", prose(text), re.MULTILINE):
        words = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w -]", "", words).lower().replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def leads_somewhere(document: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = document.parent / file if file else document
    if not anchor or not target.is_file():
        return target.exists() and not anchor
    return anchor in anchors(target.read_text(encoding="utf-8"))


def broken(document: Path) -> list[str]:
    """The links of a document that lead nowhere."""
    every = links(document.read_text(encoding="utf-8"))
    return [link for link in every if not leads_somewhere(document, link)]


@pytest.mark.parametrize(
    "document", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in documents()]
)
def test_every_link_leads_somewhere(document):
    assert broken(document) == []


def test_every_document_can_be_reached_from_the_readme():
    reached, next_ones = set(), {ROOT / "README.md"}
    while next_ones:
        reached |= next_ones
        linked = {
            (document.parent / link.partition("#")[0]).resolve()
            for document in next_ones
            for link in links(document.read_text(encoding="utf-8"))
        }
        of_folders = {path / "README.md" if path.is_dir() else path for path in linked}
        next_ones = {one for one in of_folders if one.suffix == ".md" and one.exists()} - reached
    assert set(documents()) - reached == set()


HERE = """\
# One, `two`

text

    # three

## [Linked](there.md) words

## Again

## Again
"""


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        pytest.param("[a](there.md)", True, id="a file"),
        pytest.param("![a](folder/)", True, id="a folder"),
        pytest.param("[a](#one-two)", True, id="a heading with signs"),
        pytest.param("[a\nb](here.md#linked-words)", True, id="a heading with a link, broken line"),
        pytest.param("[a](#again-1)", True, id="the second heading of a name"),
        pytest.param("[a](https://example.org/none)", True, id="an address is not looked at"),
        pytest.param("text\n\n    [a](none.md)\n", True, id="nor is code"),
        pytest.param("```\n[a](none.md)\n```", True, id="between fences either"),
        pytest.param("[a](none.md)", False, id="no file"),
        pytest.param("[a](<none.md>)", False, id="no file, in angle brackets"),
        pytest.param('[a](none.md "title")', False, id="no file, with a title"),
        pytest.param("[a][b]\n\n[b]: none.md\n", False, id="no file, by reference"),
        pytest.param("- one\n    [a](none.md)\n", False, id="no file, from a list"),
        pytest.param("[a](#three)", False, id="a heading that is code"),
        pytest.param("[a](#again-2)", False, id="the third heading of two"),
        pytest.param("[a](there.md#again)", False, id="another file's heading"),
        pytest.param("[a](folder#again)", False, id="a heading of a folder"),
    ],
)
def test_what_leads_somewhere(link, leads, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.md").write_text("# There\n")
    document = tmp_path / "here.md"
    document.write_text(f"{HERE}\n{link}\n")
    assert (broken(document) == []) is leads
