"""Tables of the page."""

import pytest

from client.evaluate.document import Origin, report
from client.evaluate.judging import Settings, judge
from client.evaluate.reading import read_dataset
from client.evaluate.tables import class_table, times
from tests.client.evaluate.material import answers_of, make_material

TIMES = {"client": dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "longest"), 0.1)}


@pytest.fixture
def evaluation(tmp_path):
    dataset = read_dataset(make_material(tmp_path, 3).annotations)
    return judge(dataset, answers_of(make_material(tmp_path, 3), dataset.images), Settings())


@pytest.mark.parametrize(
    ("workers", "sentence"),
    [
        pytest.param(1, "One request was under way at a time.", id="one"),
        pytest.param(4, "Up to 4 requests were under way at a time, so it says ", id="several"),
        pytest.param(None, "Some are of an earlier run; ", id="nobody knows"),
    ],
)
def test_times_say_how_many_requests_were_under_way(workers, sentence, evaluation):
    origin = Origin("pets", "1.0", "2026-11-20T12:00:00+00:00", {}, "names", TIMES, workers)
    document = report(evaluation, origin)
    assert document["workers"] == workers
    assert sentence in times(evaluation, document)[0].lead


def test_thresholds_are_those_that_accept_the_same(evaluation):
    origin = Origin("pets", "1.0", "2026-11-20T12:00:00+00:00", {}, "names", TIMES)
    document = report(evaluation, origin)
    table = class_table(document)
    (place,) = [k for k, one in enumerate(table.columns) if one.label == "best threshold"]
    assert [row[place] for row in table.rows] == [
        one["best_threshold"]["rounded"] for one in document["classes"]
    ]
