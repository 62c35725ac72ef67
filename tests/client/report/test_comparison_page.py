"""The page of a comparison on 1,000 images, in a real browser."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from client.compare.agreement import agreement
from client.compare.comparison import Comparison
from client.compare.conditions import parse_condition, verdicts
from client.compare.document import Origin, report
from client.compare.page import page
from client.compare.values import values
from client.report.page import render
from tests.client.compare.material import Two, compared, make_two
from tests.client.evaluate.material import NAMES
from tests.client.report.browser import Browser
from tests.client.report.pages import EVIL
from tests.images import noise_bgr, png

COPIES = 100
SHOWN = 12
IMAGES = 10
TIMES = {"client": dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "longest"), 0.08)}


def renamed(two: Two) -> Two:
    """The last class has an evil name."""
    text = json.dumps([list(two.old.values()), list(two.new.values())])
    sides = json.loads(text.replace(json.dumps(NAMES[2]), json.dumps(EVIL)))
    old, new = (dict(zip(two.old, side, strict=True)) for side in sides)
    categories = tuple(
        replace(one, name=EVIL) if one.name == NAMES[2] else one for one in two.dataset.categories
    )
    return Two(replace(two.dataset, categories=categories), old, new)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Two:
    folder = tmp_path_factory.mktemp("compared")
    two = renamed(make_two(folder, 8, images=IMAGES, masks=True))
    for image in two.dataset.images:
        (folder / image.file_name).write_bytes(png(noise_bgr(*image.size_hw, seed=image.id)))
    return two


@pytest.fixture(scope="module")
def comparison(two: Two) -> Comparison:
    """Of ten images, each of which is there a hundred times."""
    small = compared(two)
    images = [
        replace(one, name=one.name if copy == 0 else f"{copy}/{one.name}")
        for copy in range(COPIES)
        for one in small.images
    ]
    total = agreement([one.differences for one in images])
    return replace(small, images=images, agreement=total, notes=("It is made up.", EVIL))


@pytest.fixture(scope="module")
def file(two: Two, comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    origin = Origin(
        *("pets", ("1.0", "2.0"), "2026-11-20T12:00:00+00:00", {}, ("names", "names")),
        (TIMES, TIMES),
        200,
    )
    conditions = [parse_condition("ap_drop>0.001"), parse_condition("agreement<0.01")]
    document = report(comparison, origin, verdicts(conditions, values(comparison)))
    ids = {one.file_name: one.id for one in two.dataset.images}
    files = {one.name: two.dataset.path.parent / Path(one.name).name for one in comparison.images}
    shown = {one.name: ids[files[one.name].name] for one in comparison.most_different(SHOWN)}
    answers = {name: (two.old[id_], two.new[id_]) for name, id_ in shown.items()}
    out = tmp_path_factory.mktemp("page") / "report.html"
    out.write_text(render(page(comparison, document, answers, files)), encoding="utf-8")
    return out


@pytest.fixture
def opened(browser: Browser, file: Path) -> Browser:
    browser.open(file)
    return browser


def texts(opened: Browser, selector: str) -> list[str]:
    return opened.run(
        f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)"
    )


def status(opened: Browser) -> str:
    return texts(opened, "section:has(#images) [role=status]")[0]


def test_opens_with_few_elements_and_every_section(opened):
    assert texts(opened, "h2") == [
        *("Fails 1 condition", "Before you believe the numbers", "Conditions"),
        *("Average precision", "AP by class", "Agreement by class", "What becomes of what"),
        *("Where they differ most", "How far apart", "Precision and recall", "All images"),
        *("Speed", "How it was compared"),
    ]
    assert opened.run("document.querySelectorAll('*').length") < 8000
    assert opened.run("window.broken === undefined")
    assert status(opened) == "1,000 rows"


def test_numbers_are_those_of_the_comparison(opened, comparison):
    cells = texts(opened, "section.table td")
    for of_task in comparison.judged.precision.metrics.values():
        for value in (of_task["AP"].new, of_task["AP"].difference, of_task["AP"].interval.low):
            assert f"{value:.2f}" in cells
    counts = texts(opened, ".matrix tbody td")
    expected = comparison.agreement.changes.ravel().tolist()
    assert counts[:-1] == [f"{one:,}" if one else "·" for one in expected[:-1]]
    assert texts(opened, ".matrix tbody th") == [EVIL, "cat", "dog", "nothing"]
    assert texts(opened, ".histograms figcaption") == [
        "IoU of boxes",
        "IoU of masks",
        "Shift of scores",
    ]
    conditions = "section:has(h2):nth-of-type(4) td"
    assert texts(opened, conditions)[:2] == ["ap_drop>0.001", "fails"]


def test_the_images_of_a_cell_are_those_that_have_it(opened, comparison):
    lost = [cells for cells in comparison.agreement.cells if (0, 3) in cells]
    assert 0 < len(lost) < len(comparison.images)
    opened.click(".matrix tbody tr:first-child td:last-child button")
    assert status(opened) == f"{len(lost):,} of 1,000 rows"


def test_both_answers_are_beside_the_truth(opened, comparison):
    names = [one.name for one in comparison.most_different(SHOWN)]
    assert texts(opened, ".item b") == names
    assert texts(opened, ".item:first-child figcaption") == ["ground truth", "1.0", "2.0"]
    first = comparison.most_different(1)[0].differences
    looks = opened.run(
        "[...document.querySelector('.item').querySelectorAll('.panel')].map((panel) =>"
        "['right', 'wrong', 'missed', 'false'].map((look) =>"
        "panel.querySelectorAll(`.shape.${look}`).length))"
    )
    same, changed = len(first.same), len(first.changed)
    assert looks[1] == [same, changed, len(first.only_old), 0]
    assert looks[2] == [same, changed, 0, len(first.only_new)]
    opened.until(lambda: opened.run("document.querySelector('.item img').complete"))
    assert opened.run("document.querySelector('.item img').naturalWidth") > 50
    opened.click(".item")
    assert opened.run("document.querySelectorAll('dialog .panel').length") == 3


def test_sorting_by_what_differs(opened, comparison):
    first = "#images tbody tr:first-child td:nth-child(2)"
    most = comparison.most_different(1)[0].differences.count
    assert texts(opened, first) == [str(most)]
    opened.click("#images th:nth-child(2) button")
    assert texts(opened, first) == [str(min(one.differences.count for one in comparison.images))]


@pytest.mark.parametrize("width", [390, 1280])
def test_fits_the_window(opened, width):
    opened.resize(width, 900)
    assert opened.run("document.documentElement.scrollWidth") <= width


def test_is_photographed(opened, tmp_path):
    opened.screenshot(tmp_path / "page.png", whole=True)
    assert (tmp_path / "page.png").stat().st_size > 100_000
