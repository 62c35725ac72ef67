"""Pages of models with many classes, in a real browser: what is left out, and what is listed."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from client.classes import Category
from client.evaluate.dataset import Annotation, Dataset, ImageEntry
from client.evaluate.document import Origin, report
from client.evaluate.judging import Evaluation, ImageAnswer, Settings, judge
from client.evaluate.page import page
from client.report.json_text import write_document
from client.report.page import Page, render
from client.report.sections import Matrix
from tests.client.report.browser import Browser

LVIS = 1203
PER_IMAGE = 30
TIMES = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "longest"), 0.08)
ELEMENTS = "document.querySelectorAll('*').length"
ROWS = "[...document.querySelectorAll('section.matrix tbody tr')].map((one) => one.innerText)"


def judged(classes: int, seen: int) -> Evaluation:
    """Objects of the first of many classes; of three one is taken for the next, one is missed."""
    categories = tuple(Category(k + 1, f"class {k}") for k in range(classes))
    random = np.random.default_rng(0)
    images, annotations, answers = [], [], []
    for start in range(0, seen, PER_IMAGE):
        image = ImageEntry(start, f"{start}.png", (600, 600))
        images.append(image)
        results = []
        for place, class_ in enumerate(range(start, min(start + PER_IMAGE, seen))):
            y, x = divmod(place, 6)
            box = [100.0 * x, 100.0 * y, 90.0, 90.0]
            annotations.append(Annotation(class_ + 1, start, class_ + 1, tuple(box), 8100.0, False))
            if class_ % 3 < 2:
                said = class_ + 1 + (class_ % 3 and class_ + 1 < seen)
                score = float(np.float32(random.uniform(0.5, 1)))
                results.append(
                    {"image_id": start, "category_id": said, "bbox": box, "score": score}
                )
        answers.append(ImageAnswer(image, partial(list, results), 0.1))
    dataset = Dataset(Path("lvis.json"), tuple(images), categories, tuple(annotations))
    return judge(dataset, answers, Settings())


def written(evaluation: Evaluation, folder: Path) -> Path:
    origin = Origin(
        *("lvis", "1.0", "2026-11-20T12:00:00+00:00", {}, "names"), {"client": TIMES}, 4
    )
    document = report(evaluation, origin)
    write_document(folder / "report.json", document)
    file = folder / "report.html"
    file.write_text(render(page(evaluation, document, {}, gallery=0)), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def lvis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(judged(LVIS, LVIS), tmp_path_factory.mktemp("lvis"))


def test_a_page_of_many_classes_has_few_elements(browser: Browser, lvis: Path):
    browser.open(lvis)
    assert browser.run(ELEMENTS) < 5000
    assert browser.run("document.querySelectorAll('table.matrix').length") == 0
    assert lvis.stat().st_size < 4_000_000
    report = lvis.with_name("report.json")
    counts = json.loads(report.read_text())["confusion"]["counts"]
    assert (len(counts), len(counts[0])) == (LVIS + 1, LVIS + 1)
    assert report.read_text().count("\n") < 60_000


def test_what_is_wrong_is_listed_and_shows_its_images(browser: Browser, lvis: Path):
    browser.open(lvis)
    status = "document.querySelector('section.matrix [role=status]').textContent"
    assert browser.run(status) == "802 rows"
    assert "class 1\tclass 2\t1\t100.0" in browser.run(ROWS)
    browser.click("section.matrix input[type=search]")
    browser.write("class 1202")
    assert browser.run(ROWS) == [
        *("class 1201\tclass 1202\t1\t100.0", "class 1202\tbackground\t1\t100.0"),
    ]
    browser.click("section.matrix tbody tr:nth-child(2) button")
    names = "[...document.querySelectorAll('#images tbody td:first-child')].map((o) => o.innerText)"
    assert browser.run(names) == ["1200.png"]


def test_a_line_is_drawn_when_it_is_chosen(browser: Browser, lvis: Path):
    browser.open(lvis)
    drawn = "[...document.querySelectorAll('.line')].map((one) => one.classList.value)"
    assert browser.run(drawn) == ["line main"] * 2
    browser.run(
        "(() => { const one = document.querySelector('select'); one.value = 'class 700';"
        "one.dispatchEvent(new Event('change')); })()"
    )
    assert browser.run(drawn) == ["line main", "line many chosen"] * 2


def test_classes_without_anything_are_left_out(browser: Browser, tmp_path):
    browser.open(written(judged(LVIS, 60), tmp_path))
    labels = "[...document.querySelectorAll('table.matrix tbody th')].map((one) => one.innerText)"
    assert browser.run(labels) == [*(f"class {k}" for k in range(60)), "background"]
    left = "document.querySelector('section.matrix p.muted').textContent"
    assert browser.run(left) == "1,143 classes without any are left out."
    browser.click("table.matrix tbody tr:nth-child(60) td:last-child button")
    chip = "document.querySelector('.chip:not([hidden]):not(header *)').textContent"
    assert browser.run(chip) == "class 59 → background ✕"


@pytest.mark.parametrize(
    ("labels", "heat"),
    [pytest.param(101, True, id="100 classes"), pytest.param(102, False, id="101 classes")],
)
def test_where_a_heat_table_ends(labels, heat, browser: Browser, tmp_path):
    names = [str(k) for k in range(labels)]
    cells = [(k, k, 5) for k in range(labels - 1)] + [(3, labels - 1, 2)]
    file = tmp_path / "page.html"
    matrix = Matrix("Confusion", names, cells, "truth", "prediction")
    file.write_text(render(Page("made up", "", [matrix])))
    browser.open(file)
    assert browser.run("document.querySelectorAll('table.matrix').length") == heat
    assert (browser.run(ROWS) == [f"3\t{labels - 1}\t2\t28.6"]) is not heat
