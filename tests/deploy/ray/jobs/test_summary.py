from collections import Counter

from deploy.ray.jobs.finishing import Totals
from deploy.ray.jobs.record import Asked, Run
from deploy.ray.jobs.summary import summary_document, summary_text

RUN = Run(
    Asked({"model": "coins", "version": "1.0", "sha256": "ab"}, {}, {}, 1, False),
    "t0",
    2000,
    8,
    False,
)


def document(**changes: object):
    totals = Totals(
        answered=1997,
        failures=Counter({"UndecodableImage": 2, "FileNotFoundError": 1}),
        detections=Counter({(number, f"class {number}"): 30 - number for number in range(25)}),
    )
    given = {"asked": 1000, "seconds": 50.0, "workers": 4, "notes": ["A note."], "folder": "/out"}
    memory_mb = {"driver": 300.0, "worker": 900.5}
    return summary_document(RUN, totals, memory_mb=memory_mb, **{**given, **changes})


def test_for_programs():
    found = document()
    assert found["model"] == {"model": "coins", "version": "1.0", "sha256": "ab"}
    assert (found["images"], found["answered"], found["failures"]) == (2000, 1997, 3)
    assert found["failures_by_type"] == {"UndecodableImage": 2, "FileNotFoundError": 1}
    assert (found["asked"], found["images_per_second"]) == (1000, 20.0)
    assert found["peak_memory_mb"] == {"driver": 300.0, "worker": 900.5}
    assert found["classes"][0] == {"class_id": 0, "class_name": "class 0", "detections": 30}
    assert found["detections"] == sum(range(6, 31))


def test_for_people():
    lines = summary_text(document()).splitlines()
    assert lines[:4] == [
        "coins 1.0 answered 1,997 of 2,000 images.",
        "1,000 images in 50.0 s: 20.0 images/s, 4 workers.",
        "2 images without an answer: UndecodableImage.",
        "1 image without an answer: FileNotFoundError.",
    ]
    assert "        30 class 0" in lines
    assert f"{'':10} and 5 more, in summary.json" in lines
    assert lines[-3:] == ["A note.", "", "/out has everything."]


def test_nothing_left_to_ask():
    found = document(asked=0, seconds=0.0, workers=0)
    assert found["images_per_second"] == 0.0
    assert "images/s" not in summary_text(found)
