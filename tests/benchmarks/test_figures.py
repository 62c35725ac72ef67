import pytest

from benchmarks import figures
from tests.benchmarks.results import result, turn


def named(found, text):
    (one,) = [one for one in found if one.text == text]
    return one.ratio


def test_throughput_counts_right_answers_alone():
    assert figures.throughput(turn([0, 1], 100)) == 10
    assert figures.throughput(turn([0, 1], 100, failures=1)) == 5


def test_ratios_of_throughput():
    found = figures.throughput_ratios(result())
    assert named(found, "S, kept busy / B1").median == pytest.approx(2)
    assert named(found, "S / N1, images with few mask pixels").median == pytest.approx(4)
    assert named(found, "null test: B1 / B1").contains(1)
    assert not [one for one in found if "N2" in one.text]


def test_further_precisions_have_their_own_ratios():
    given = result()
    given["options"]["precisions"] = ["exact", "bf16"]
    for one in given["rounds"]:
        one["S bf16"] = turn([0, 1], one["S"]["latencies_ms"][0] / 2)
    assert named(figures.throughput_ratios(given), "S bf16, kept busy / B1").median == 4


def test_an_arm_that_never_answers_has_no_ratio_to_it():
    given = result()
    for one in given["rounds"]:
        one["N1"]["failures"] = 2
    assert not [one for one in figures.throughput_ratios(given) if "N1" in one.text]


def test_what_one_client_waits_for():
    given = result()
    assert figures.overhead(given).median == pytest.approx(0.2)
    assert figures.over_rounds(given, "S1", figures.transport_ms).median == pytest.approx(10)
    assert figures.over_rounds(given, "T", figures.transport_ms).median == pytest.approx(3)
    assert figures.over_rounds(given, "nobody", figures.transport_ms) is None


def test_host_stages_leave_the_forward_pass_out():
    assert figures.host_ratio(result()).median == pytest.approx(0.5)
    assert figures.stage_medians(result(), "B2") == {"decode": 4, "model": 100, "masks": 16}


def test_bytes_are_compared_image_by_image():
    given = result()
    assert figures.bytes_ratio(given).median == pytest.approx((1 / 100 + 1 / 200) / 2)
    given["images"][1]["objects"] = 0  # says nothing about masks
    assert figures.bytes_ratio(given).median == pytest.approx(1 / 100)


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (5, ["p50", "p90", "max"]),
        (100, ["p50", "p90", "p95", "max"]),
        (1000, ["p50", "p90", "p95", "p99", "max"]),
    ],
)
def test_no_percentile_is_given_that_so_few_requests_cannot_tell(count, names):
    assert list(figures.tail_ms([float(one) for one in range(count)])) == names


def test_growth_by_objects_takes_one_shape():
    (bucket,) = figures.by_objects(result())
    assert (bucket.text, bucket.images) == ("1 to 4", 1)
    assert bucket.values["B2 host"] == 20
    assert bucket.values["S1 beyond forward"] == 20
    assert bucket.values[figures.BYTES] == 10


def test_growth_by_size_takes_all():
    assert [(one.text, one.images) for one in figures.by_size(result())] == [
        ("0 to 0.2", 1),
        ("0.2 to 0.5", 1),
    ]
