from pathlib import Path

import pytest

from client.answers.record import Failure, Record
from client.predict.summary import summary_document, summary_text
from client.predict.totals import Totals, Trouble


def record(number: int, classes: list[int], *, earlier: bool = False) -> Record:
    found = [{"class_id": one, "class_name": f"class {one}"} for one in classes]
    stages = {"decode": 0.001, "model": 0.1}
    return Record(f"{number}.jpg", "1", 0.25, {"predictions": found}, stages, earlier=earlier)


FAILED = Record("bad.jpg", "1", 9.0, failure=Failure("X", "y"), earlier=True)


def document(
    *records: Record,
    troubles: int = 0,
    notes: tuple[str, ...] = (),
    begun: str | None = "2026-01-02T03:04:05+01:00",
) -> dict:
    totals = Totals(troubles=[Trouble("a", "b", "c")] * troubles)
    for one in records:
        totals.add(one)
    return summary_document(
        totals,
        model="pets",
        version="2.0",
        begun=begun,
        seconds=4.0,
        workers=3,
        notes=notes,
        folder=Path("out"),
    )


def test_numbers():
    found = document(
        record(0, [1, 1, 0]), record(1, []), record(2, [1], earlier=True), FAILED, troubles=2
    )
    assert found["model"] == {"name": "pets", "version": "2.0"}
    keys = ("images", "answered", "failures", "earlier", "asked", "workers", "detections")
    assert [found[key] for key in keys] == [4, 3, 3, 2, 2, 3, 4]
    assert (found["seconds"], found["images_per_second"]) == (4.0, 0.5)
    assert [(one["class_id"], one["detections"]) for one in found["classes"]] == [(1, 3), (0, 1)]
    assert list(found["times_s"]) == ["client", "decode", "model"]
    assert found["times_s"]["client"]["mean"] == 0.25  # what failed has no time


def test_text():
    text = summary_text(document(record(0, [1, 1, 0]), FAILED, notes=("Something is so.",)))
    assert text.splitlines() == [
        "pets 2.0 answered 1 of 2 images. 1 answer of an earlier run, begun 2026-01-02 03:04.",
        "1 image in 4.0 s: 0.2 images/s, 3 requests at a time.",
        "",
        "milliseconds      mean       p50       p95       p99   longest",
        "client           250.0     250.0     250.0     250.0     250.0",
        "decode             1.0       1.0       1.0       1.0       1.0",
        "model            100.0     100.0     100.0     100.0     100.0",
        "",
        "3 detections:",
        "         2 class 1",
        "         1 class 0",
        "",
        "Something is so.",
        "",
        "out has everything.",
    ]


def test_a_journal_that_does_not_say_when_it_was_begun():
    text = summary_text(document(FAILED, begun=None))
    assert text.startswith("pets 2.0 answered 0 of 1 image. 1 answer of an earlier run.\n")


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([], id="nothing"),
        pytest.param([FAILED], id="nothing answered"),
        pytest.param([record(0, [], earlier=True)], id="nothing asked, nothing found"),
    ],
)
def test_text_of_little(records):
    text = summary_text(document(*records))
    assert "images/s" not in text
    assert "0 detections." in text


def test_of_many_classes_the_most_are_shown():
    found = document(*(record(number, list(range(number, 25))) for number in range(25)))
    lines = summary_text(found).splitlines()
    assert "        25 class 24" in lines
    assert "           and 5 more, in summary.json" in lines
    assert len(found["classes"]) == 25
