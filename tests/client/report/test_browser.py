"""Pages in a real browser: what they show, and what happens when somebody clicks."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from client.report.page import Page, render
from client.report.sections import Column, Table
from tests.client.report.browser import Browser
from tests.client.report.pages import EVIL, every_kind

MANY = 5000


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "page with spaces.html"
    file.write_text(render(every_kind(images=MANY)), encoding="utf-8")
    return file


@pytest.fixture
def opened(browser: Browser, page) -> Browser:
    browser.open(page)
    return browser


def column(browser: Browser, number: int) -> list[str]:
    """What the rows of the long table show that are there."""
    return browser.run(
        f"[...document.querySelectorAll('#images tbody td:nth-child({number})')]"
        ".map((one) => one.textContent)"
    )


def press_head(browser: Browser, number: int) -> str:
    browser.click(f"#images th:nth-child({number}) button")
    return browser.run(
        f"document.querySelector('#images th:nth-child({number})').getAttribute('aria-sort')"
    )


def test_shows_all_sections(opened):
    headings = opened.run("[...document.querySelectorAll('h2')].map((one) => one.textContent)")
    assert headings == [
        *("Before you believe", "Curves", "Confusion", "Worst", "Images", "Times", "Shifts", "How"),
    ]
    links = opened.run("[...document.querySelectorAll('nav a')].map((one) => one.textContent)")
    assert links == headings[1:]
    assert opened.run("document.querySelector('h1').textContent") == f"made up {EVIL}"
    assert "object HTML" not in opened.run("document.body.innerText")


def test_names_are_not_run(opened):
    assert opened.run("window.broken === undefined")
    # The browser's own parser, and the page's script: both leave them texts.
    assert opened.run("document.querySelectorAll('script').length") == 2
    assert (
        opened.run("document.querySelectorAll('img:not([src^=\"data:image/jpeg\"])').length") == 0
    )


def test_makes_rows_when_they_are_scrolled_to(opened):
    first = len(column(opened, 1))
    assert 20 < first < 200
    for times in (1, 2, 3):
        opened.run("document.querySelector('.scroll:has(#images)').scrollTo(0, 1e9)")
        opened.until(lambda times=times: len(column(opened, 1)) > times * first)
    shown = [int(one) for one in column(opened, 2)]
    assert shown == sorted(shown, reverse=True)


def test_sorts_numbers(opened):
    assert press_head(opened, 2) == "ascending"
    assert {*column(opened, 2)} == {"0"}
    assert press_head(opened, 2) == "descending"
    assert {*column(opened, 2)} == {"10"}
    assert press_head(opened, 3) == "descending"
    expected = [f"{(MANY - 1 - k) / 2:,.1f}" for k in range(20)]
    assert column(opened, 3)[:20] == expected
    assert press_head(opened, 3) == "ascending"
    assert column(opened, 3)[:3] == ["0.0", "0.5", "1.0"]
    assert opened.run("document.querySelectorAll('#images th[aria-sort=\"none\"]').length") == 2


def test_sorts_texts_with_what_is_missing_last(opened):
    assert press_head(opened, 1) == "ascending"
    names = column(opened, 1)
    assert EVIL in names[:1]
    assert names[1:4] == ["val/000001.jpg", "val/000002.jpg", "val/000003.jpg"]
    opened.click("input[type=search]")
    opened.write("000003")
    assert column(opened, 2) == ["\u2013"]


def test_searches(opened):
    opened.click("input[type=search]")
    opened.write("VAL/0012")
    assert len(column(opened, 1)) == 60
    opened.write("34")
    assert column(opened, 1) == ["val/001234.jpg"]
    assert opened.run("document.querySelector('.table [role=status]').textContent") == (
        "1 of 5,000 rows"
    )


def test_a_cell_of_the_matrix_shows_its_images(opened):
    opened.click(".matrix tbody tr:nth-child(2) td:nth-of-type(2) button")
    # 4 * (k % 2) + k % 4 is 5 for every fourth.
    names = column(opened, 1)
    assert names
    assert all(int(one[4:10]) % 4 == 1 for one in names)
    chip = ".table .chip"
    assert opened.run(f"document.querySelector('{chip}').textContent") == "dog → dog ✕"
    opened.click(chip)
    assert len({int(one[4:10]) % 4 for one in column(opened, 1) if one != EVIL}) == 4


def test_shares_of_the_matrix(opened):
    cells = "[...document.querySelectorAll('.matrix tbody td')].map((one) => one.textContent)"
    assert opened.run(cells)[:4] == ["9", "2", "·", "1"]
    opened.click(".matrix input")
    shares = opened.run(cells)
    assert shares[:4] == ["75 %", "17 %", "·", "8.3 %"]
    # False alarms are shares of what was said: 1 of 13 cats.
    assert shares[12:] == ["7.7 %", "·", "29 %", ""]


def test_shows_pictures_and_opens_them_large(opened, tmp_path):
    opened.until(lambda: opened.run("document.querySelector('.item img').complete"))
    sizes = opened.run("[...document.querySelectorAll('.item img')].map((one) => one.naturalWidth)")
    assert sizes[0] == 320
    opened.click(".item")
    assert opened.run("document.querySelector('dialog').open")
    assert opened.run("document.querySelector('dialog h3').textContent") == EVIL
    opened.press("ArrowRight")
    assert opened.run("document.querySelector('dialog h3').textContent") == "val/000001.jpg"
    assert opened.run("document.querySelectorAll('dialog .shape').length") == 3
    before = tmp_path / "large.png"
    opened.screenshot(before)
    # Something of the orange shape is on it.
    orange = np.abs(cv2.imread(str(before)).astype(int) - [61, 165, 255]).max(axis=2) < 12
    assert orange.sum() > 50
    opened.press("Escape")
    assert not opened.run("document.querySelector('dialog').open")


def test_a_row_of_the_table_opens_its_picture(opened):
    press_head(opened, 1)
    opened.click("#images td.image button")
    assert opened.run("document.querySelector('dialog h3').textContent") == EVIL
    # Of the others there is no picture.
    assert opened.run("document.querySelectorAll('#images td.image button').length") == 3


def test_everything_can_be_done_with_keys(opened):
    reached = []
    for _ in range(60):
        opened.press("Tab")
        reached.append(
            opened.run(
                "(({ tagName, className, parentElement }) => `${tagName} ${className} "
                "${parentElement.tagName}`)(document.activeElement)"
            )
        )
    for wanted in ("A  NAV", "BUTTON chip legend", "BUTTON link TD", "BUTTON item", "BUTTON  TH"):
        assert any(one.startswith(wanted) for one in reached), wanted
    opened.run("document.querySelector('#images th:nth-child(3) button').focus()")
    opened.press("Enter")
    assert column(opened, 3)[0] == "2,499.5"


def test_a_line_that_is_chosen_stands_out_in_all_plots(opened):
    opened.click(".legend:nth-child(2)")
    assert opened.run("document.querySelectorAll('svg.choosing').length") == 2
    chosen = "[...document.querySelectorAll('.line.chosen')].map((one) => one.classList[1])"
    assert opened.run(chosen) == ["line1", "line1"]
    opened.click(".legend:nth-child(2)")
    assert opened.run(chosen) == []


def test_light_and_dark(opened, tmp_path):
    def brightness() -> float:
        opened.screenshot(tmp_path / "page.png")
        return float(cv2.imread(str(tmp_path / "page.png")).mean())

    assert brightness() > 200
    opened.prefer("dark")
    assert brightness() < 80
    opened.click("header button")
    assert brightness() > 200


def test_prints_the_first_rows(opened):
    pdf = opened.pdf()
    assert pdf.startswith(b"%PDF")
    assert len(column(opened, 1)) == 200
    status = opened.run("document.querySelector('.table [role=status]').textContent")
    assert status == "the first 200 of 5,000 rows"


@pytest.mark.parametrize("width", [390, 800, 1280, 2200])
def test_fits_the_window(opened, width):
    opened.resize(width, 900)
    assert opened.run("document.documentElement.scrollWidth") <= width


def test_many_lines_are_chosen_from_a_list(browser, tmp_path):
    page = every_kind()
    (plots,) = [one for one in page.sections if one.kind == "plots"]
    plot = plots.plots[0]
    series = [replace(plot.series[0], name=f"class {k}") for k in range(20)]
    many = replace(plots, plots=[replace(plot, series=series)])
    file = tmp_path / "page.html"
    file.write_text(render(replace(page, sections=[many])), encoding="utf-8")
    browser.open(file)
    assert browser.run("document.querySelectorAll('select option').length") == 21
    browser.run(
        "(() => { const one = document.querySelector('select'); one.value = 'class 7';"
        "one.dispatchEvent(new Event('change')); })()"
    )
    assert browser.run("document.querySelectorAll('.line.chosen').length") == 1


def test_the_browser_of_these_tests_would_see_a_request_and_a_complaint(browser, tmp_path):
    file = tmp_path / "bad.html"
    file.write_text("<img src='http://127.0.0.1:9/x.png'><script>throw new Error('no')</script>")
    browser.open(file)
    assert browser.requested[1:] == ["http://127.0.0.1:9/x.png"]
    assert any("no" in one for one in browser.complaints)
    assert any("ERR_INTERNET_DISCONNECTED" in one for one in browser.complaints)
    browser.complaints, browser.requested = [], []


def test_columns_of_numbers_leave_texts_room(browser, tmp_path):
    texts = ["keypoint_oks_median<0.95", "a sentence of some words that says what that number is"]
    columns = [Column("", "text"), *(Column(f"number {k}") for k in range(9)), Column("", "text")]
    row = [texts[0], *range(9), texts[1]]
    file = tmp_path / "page.html"
    file.write_text(render(Page("narrow", "", [Table("Numbers", columns, [row])])))
    browser.resize(390, 900)
    browser.open(file)
    lines = browser.run(
        "[...document.querySelectorAll('td.text')].map((one) => { const style = "
        "getComputedStyle(one); return (one.clientHeight - 2 * parseFloat(style.paddingTop)) / "
        "parseFloat(style.lineHeight); })"
    )
    # Both are in one row, which is as high as the longer one.
    assert [round(one) for one in lines] == [2, 2]
    assert browser.run("document.documentElement.scrollWidth") <= 390
