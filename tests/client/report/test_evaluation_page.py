"""The page of an evaluation of 5,000 images, in a real browser."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from client.evaluate.document import Origin, report
from client.evaluate.judging import Evaluation, Settings, judge
from client.evaluate.page import page
from client.evaluate.reading import read_dataset
from client.report.page import render
from tests.client.evaluate.material import CATEGORY_IDS, answers_of, make_material
from tests.client.report.browser import Browser
from tests.client.report.pages import EVIL
from tests.images import noise_bgr, png

COPIES = 500
IMAGES = 10
TIMES = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "longest"), 0.08)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Judged on ten images, with a class of an evil name; each is there 500 times."""
    folder = tmp_path_factory.mktemp("judged")
    material = make_material(folder, 8, images=IMAGES, masks=True)
    document = json.loads(material.annotations.read_text())
    for category in document["categories"]:
        if category["id"] == CATEGORY_IDS[2]:
            category["name"] = EVIL
    for image in document["images"]:
        (folder / image["file_name"]).write_bytes(
            png(noise_bgr(image["height"], image["width"], seed=image["id"]))
        )
    material.annotations.write_text(json.dumps(document))
    dataset = read_dataset(material.annotations)
    answers = [
        replace(one, seconds=0.05 + k / 100)
        for k, one in enumerate(answers_of(material, dataset.images))
    ]
    small = judge(dataset, answers, Settings(iou=0.8), notes=["It is made up.", EVIL])
    copies = [
        replace(one, answer=replace(one.answer, image=replace(one.image, file_name=name)))
        for copy in range(COPIES)
        for one in small.images
        for name in [one.image.file_name if copy == 0 else f"{copy}/{one.image.file_name}"]
    ]
    return replace(small, images=tuple(copies))


@pytest.fixture(scope="module")
def file(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    origin = Origin(
        *("pets", "1.0", "2026-11-20T12:00:00+00:00", {}, "names"),
        {"client": TIMES, "model": TIMES},
    )
    document = report(evaluation, origin)
    folder = evaluation.dataset.path.parent
    files = {one.image: folder / one.image.file_name for one in evaluation.images}
    out = tmp_path_factory.mktemp("page") / "report.html"
    out.write_text(render(page(evaluation, document, files, gallery=24)), encoding="utf-8")
    return out


@pytest.fixture
def opened(browser: Browser, file: Path) -> Browser:
    browser.open(file)
    return browser


def test_opens_with_few_elements_and_little_to_read(opened, file):
    rows = opened.run("document.querySelectorAll('tr').length")
    assert rows < 200
    assert opened.run("document.querySelectorAll('*').length") < 8000
    assert opened.run(
        "document.querySelector('section:has(#images) [role=status]').textContent"
    ) == ("5,000 rows")
    assert file.stat().st_size < 3_000_000


def test_has_every_section(opened):
    headings = opened.run("[...document.querySelectorAll('h2')].map((one) => one.textContent)")
    assert headings == [
        *("Before you believe the numbers", "Average precision", "Classes", "Precision and recall"),
        *("Confusion matrix", "Worst images", "All images", "Time per image", "How it was judged"),
    ]
    assert opened.run("window.broken === undefined")
    labels = opened.run(
        "[...document.querySelectorAll('.matrix tbody th')].map((o) => o.textContent)"
    )
    assert labels == ["cat", "dog", EVIL, "background"]


def test_numbers_are_those_of_the_evaluation(opened, evaluation):
    cells = opened.run(
        "[...document.querySelectorAll('section.table:has(h2) td')].map((one) => one.textContent)"
    )
    assert f"{evaluation.ap['segm']['AP']:.2f}" in cells
    counts = opened.run(
        "[...document.querySelectorAll('.matrix tbody td')].map((o) => o.textContent)"
    )
    expected = evaluation.confusion.counts.ravel().tolist()[:-1]
    assert counts[:-1] == [f"{one:,}" if one else "·" for one in expected]


SEEN = "[...document.querySelectorAll('section.plots figure')].filter((o) => o.checkVisibility())"
"""The plots that the reader has before them."""


def titles(browser: Browser) -> list[str]:
    return browser.run(f"{SEEN}.map((one) => one.querySelector('figcaption').firstChild.data)")


def curves(browser: Browser) -> list[list[str]]:
    """Path data of the lines of each plot, by the classes' names in CSS."""
    return browser.run(
        f"{SEEN}.map((one) => ['line0', 'line1', 'line2', 'main'].map("
        "(name) => one.querySelector(`.line.${name} path`).getAttribute('d')))"
    )


def test_the_reader_chooses_whose_curves_are_seen(opened):
    tabs = "[...document.querySelectorAll('.tab')].map((one) => one.textContent)"
    assert opened.run(tabs) == ["boxes", "masks"]
    assert titles(opened) == ["Boxes at IoU 0.8", "F1 of boxes at IoU 0.8"]
    opened.click(".legend:nth-of-type(2)")
    boxes = curves(opened)
    opened.click(".tab:nth-child(2)")
    assert titles(opened) == ["Masks at IoU 0.8", "F1 of masks at IoU 0.8"]
    pressed = "[...document.querySelectorAll('.tab[aria-pressed=true]')].map((o) => o.textContent)"
    assert opened.run(pressed) == ["masks"]
    masks = curves(opened)
    assert [len(one) for one in masks] == [4, 4]
    assert masks[0] != boxes[0]
    assert masks[1] != boxes[1]
    # The class that was chosen stays it.
    chosen = f"{SEEN}.map((one) => one.querySelector('.chosen').classList[1])"
    assert opened.run(chosen) == ["line1", "line1"]
    opened.run("document.querySelector('.tab').focus()")
    opened.press("Enter")
    assert titles(opened)[0] == "Boxes at IoU 0.8"
    assert curves(opened) == boxes


def test_what_is_printed_has_the_curves_of_all(opened):
    assert opened.pdf().startswith(b"%PDF")
    opened.send("Emulation.setEmulatedMedia", media="print")
    printed = titles(opened)
    opened.send("Emulation.setEmulatedMedia", media="")
    assert [one.split()[0] for one in printed] == ["Boxes", "F1", "Masks", "F1"]


def test_the_images_of_a_cell_are_those_that_have_it(opened, evaluation):
    missed_cats = [
        one.image.file_name for one in evaluation.images if (0, 3) in one.cells
    ]  # fmt: skip # short
    assert 0 < len(missed_cats) < len(evaluation.images)
    opened.click(".matrix tbody tr:first-child td:last-child button")
    status = opened.run("document.querySelector('section:has(#images) [role=status]').textContent")
    assert status == f"{len(missed_cats):,} of 5,000 rows"


def test_the_gallery_has_the_worst_images_and_only_those_that_are_there(opened, evaluation):
    names = opened.run("[...document.querySelectorAll('.item b')].map((one) => one.textContent)")
    there = {one.image.file_name for one in evaluation.images[:IMAGES]}
    assert names == [
        one.image.file_name for one in evaluation.worst(24) if one.image.file_name in there
    ]
    opened.until(lambda: opened.run("document.querySelector('.item img').complete"))
    assert opened.run("document.querySelector('.item img').naturalWidth") > 50
    assert opened.run("document.querySelectorAll('.item .shape path').length") > 0


def test_is_photographed(opened, tmp_path):
    opened.screenshot(tmp_path / "page.png", whole=True)
    assert (tmp_path / "page.png").stat().st_size > 100_000
