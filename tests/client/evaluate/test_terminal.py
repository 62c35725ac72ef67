"""The summary for a terminal."""

import json

import pytest

from client.evaluate.document import Origin, report
from client.evaluate.judging import Settings, judge
from client.evaluate.reading import read_dataset
from client.evaluate.terminal import summary
from tests.client.evaluate.material import answers_of, make_material


@pytest.fixture
def document(tmp_path) -> dict:
    material = make_material(tmp_path, 3)
    dataset = read_dataset(material.annotations)
    answers = answers_of(material, dataset.images)
    times = {"client": dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "longest"), 0.1)}
    origin = Origin("pets", "1.0", "2026-11-20T12:00:00+00:00", {}, "names", times)
    found = report(judge(dataset, answers, Settings()), origin)
    return json.loads(json.dumps(found, allow_nan=False))


def test_has_every_table(document):
    text = summary(document)
    assert text.startswith("pets 1.0 on annotations.json: 8 of 8 images, ")
    boxes = document["ap"]["bbox"]
    assert f"boxes          {boxes['AP']:.2f}" in text
    lines = text.splitlines()
    at_least = "At score 0.5 or more (--score), by boxes of IoU 0.5 or more (--pair-by, --iou)"
    (classes,) = [k for k, line in enumerate(lines) if line.startswith("class ")]
    assert lines[classes - 1] == f"{at_least}; best score is where F1 is highest:"
    (matrix,) = [k for k, line in enumerate(lines) if line.startswith("truth")]
    assert lines[matrix - 1] == f"{at_least}:"
    for start in ("class", "cat", "dog", "bird", "all", "truth \\ prediction", "background"):
        assert any(line.startswith(start) for line in lines), start
    assert lines[-1].split() == ["client", *["100.0"] * 6]


def test_says_nothing_of_what_is_not_defined(document):
    document["ap"]["bbox"]["APl"] = None
    document["classes"][0]["best_threshold"] = None
    (boxes,) = [line for line in summary(document).splitlines() if line.startswith("boxes")]
    assert boxes.endswith(" -")


def test_names_stay_on_their_lines(document):
    document["classes"][0]["name"] = "a\nb\x1b[31m" + "c" * 90
    (line,) = [line for line in summary(document).splitlines() if line.startswith("a?b?[31mc")]
    assert ".." in line
    widths = {len(line) for line in summary(document).splitlines()}
    assert max(widths) < 160


def test_a_large_matrix_is_left_to_the_page(document):
    document["confusion"]["labels"] = [str(k) for k in range(13)]
    assert "truth \\ prediction" not in summary(document)
