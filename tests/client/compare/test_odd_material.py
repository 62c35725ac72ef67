"""Data sets and answers that nobody hopes for: a report, a page and a verdict come of all."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from client.compare.conditions import QUANTITIES, parse_condition, verdicts
from client.compare.document import Origin, report
from client.compare.page import page
from client.compare.terminal import summary
from client.compare.values import values
from client.evaluate.reading import read_dataset
from client.report.page import render
from tests.client.compare.material import Document, compared, make_two
from tests.client.evaluate.material import CATEGORY_IDS

TIMES = {"client": dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "longest"), 0.08)}


def nobody(document: dict[str, Any]) -> None:
    document["annotations"] = []


def crowds_alone(document: dict[str, Any]) -> None:
    for one in document["annotations"]:
        one["iscrowd"] = 1


def without_extent(document: dict[str, Any]) -> None:
    for one in document["annotations"]:
        del one["segmentation"]
        one.update(bbox=[*one["bbox"][:2], 0, 0], area=0)


def unknown_to_the_model(document: dict[str, Any]) -> None:
    document["categories"].append({"id": 99, "name": "unknown"})
    for one in document["annotations"]:
        one["category_id"] = 99


def ignored(document: dict[str, Any]) -> None:
    for one in document["annotations"]:
        one["ignore"] = 1


def as_it_is(document: dict[str, Any]) -> None:
    pass


def nothing(document: Document) -> Document:
    return {**document, "predictions": []}


def first_class(document: Document) -> Document:
    found = [one for one in document["predictions"] if one["class_id"] == 0]
    return {**document, "predictions": found}


def boxes_alone(document: Document) -> Document:
    found = [
        {key: value for key, value in one.items() if key not in ("mask", "keypoints")}
        for one in document["predictions"]
    ]
    return {**document, "predictions": found}


def all_of_it(document: Document) -> Document:
    return document


@pytest.mark.parametrize(
    "there",
    [as_it_is, nobody, crowds_alone, without_extent, unknown_to_the_model, ignored],
    ids=lambda one: one.__name__,
)
@pytest.mark.parametrize("old", [all_of_it, nothing, first_class], ids=lambda one: one.__name__)
@pytest.mark.parametrize("new", [all_of_it, nothing, boxes_alone], ids=lambda one: one.__name__)
def test_every_name_has_a_verdict_and_every_page_is_drawn(
    there: Callable[[dict[str, Any]], None],
    old: Callable[[Document], Document],
    new: Callable[[Document], Document],
    tmp_path,
):
    two = make_two(tmp_path, 4, images=6, masks=True, keypoints=True)
    file = two.dataset.path
    document = json.loads(file.read_text())
    there(document)
    file.write_text(json.dumps(document))
    sides = (
        {id_: change(one) for id_, one in side.items()}
        for side, change in ((two.old, old), (two.new, new))
    )
    two = replace(two, dataset=read_dataset(file), **dict(zip(("old", "new"), sides, strict=True)))
    assert set(CATEGORY_IDS.values()) <= {one.id for one in two.dataset.categories}
    comparison = compared(two, count=100)
    conditions = [parse_condition(f"{name}>0.25") for name in QUANTITIES]
    found = verdicts(conditions, values(comparison))
    assert all(one.value.number is not None or one.fails for one in found)
    sentences = {one.condition.quantity.name: one.sentence() for one in found}
    assert list(sentences) == list(QUANTITIES)
    origin = Origin(
        *("pets", ("1.0", "2.0"), "2026-11-20T12:00:00+00:00", {}, ("names", "names")),
        (TIMES, TIMES),
        100,
    )
    said = json.loads(json.dumps(report(comparison, origin, found), allow_nan=False))
    assert [one["message"] for one in said["conditions"]] == list(sentences.values())
    assert sentences["agreement"] in summary(said)
    assert "pets 2.0 beside 1.0" in render(page(comparison, said, {}, {}))
    if there in (nobody, crowds_alone):
        assert "no image that was judged has an object" in sentences["ap_drop"]
