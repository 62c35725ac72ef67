"""What a page is made of, before any browser."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from client.report.page import Page, render
from client.report.sections import Notes, Table
from tests.client.report.pages import EVIL, every_kind


class Elements(HTMLParser):
    """The elements of a page and what is in them, as a browser sees it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        self._open = tag

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        if self._open:
            self.texts[self._open][-1] += data


@pytest.fixture(scope="module")
def parsed() -> Elements:
    return Elements(render(every_kind()))


def data(parsed: Elements) -> dict:
    return json.loads(parsed.texts["script"][0])


def test_holds_everything_itself(parsed):
    assert [tag for tag, _ in parsed.elements if tag in ("link", "img", "iframe")] == []
    assert [name for _, found in parsed.elements for name in found if name in ("src", "href")] == []
    (style,) = parsed.texts["style"]
    assert "url(" not in style
    assert "@import" not in style


def test_lets_nothing_run_but_its_own(parsed):
    (policy,) = [
        found["content"]
        for tag, found in parsed.elements
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    _, script = parsed.texts["script"]
    (style,) = parsed.texts["style"]

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": digest(style),
        "script-src": digest(script),
    }


def test_names_stay_texts(parsed):
    assert [tag for tag, _ in parsed.elements].count("script") == 2
    assert parsed.texts["title"] == [f"made up {EVIL}"]
    sections = data(parsed)["sections"]
    assert sections[1]["sentences"][0] == EVIL
    assert sections[5]["rows"][0][0] == EVIL


def test_what_looks_like_a_place_in_the_template_is_a_text():
    page = render(Page("{{script}}", "{{data}}", [Notes("{{style}}", ["{{nothing}}"])]))
    assert Elements(page).texts["title"] == ["{{script}}"]
    found = data(Elements(page))
    assert (found["lead"], found["sections"][0]["title"]) == ("{{data}}", "{{style}}")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_no_number_is_null(value):
    page = render(Page("a", "b", [Table("t", [], [[value, 1.5, "x"]])]))
    assert data(Elements(page))["sections"][0]["rows"] == [[None, 1.5, "x"]]


def test_its_parts_are_found_from_anywhere(pytestconfig, tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(pytestconfig.rootpath)!r})\n"
        "from client.report.page import Page, render\n"
        "print(len(render(Page('a', 'b', []))))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert int(result.stdout) > 10_000


def test_every_kind_of_section_is_drawn_by_somebody(pytestconfig):
    script = (pytestconfig.rootpath / "client" / "report" / "page.js").read_text(encoding="utf-8")
    (table,) = re.findall(r"const DRAWN_BY = \{(.*?)^\};", script, re.DOTALL | re.MULTILINE)
    drawn = set(re.findall(r"^  (\w+):", table, re.MULTILINE))
    kinds = {section.kind for section in every_kind().sections}
    assert drawn == kinds
