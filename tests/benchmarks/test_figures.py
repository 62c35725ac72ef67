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
    found = figures.throughput_ratios(given)
    assert named(found, "S bf16, kept busy / B1").median == 4
    assert named(found, "S bf16 / S").median == 2


def test_an_arm_that_never_answers_has_no_ratio_to_it():
    given = result()
    for one in given["rounds"]:
        one["N1"]["failures"] = 2
    texts = [one.text for one in figures.throughput_ratios(given)]
    assert "S / N1, images with few mask pixels" not in texts


def test_what_one_client_waits_for():
    given = result()
    assert figures.overhead(given).median == pytest.approx(0.2)
    assert figures.over_rounds(given, "S1", figures.transport_ms).median == pytest.approx(10)
    assert figures.over_rounds(given, "T", figures.transport_ms).median == pytest.approx(3)
    assert figures.over_rounds(given, "nobody", figures.transport_ms) is None


@pytest.mark.parametrize(("floor", "milliseconds"), [("T", 7), ("T work", 6)])
def test_transport_is_compared_round_by_round(floor, milliseconds):
    given = result()
    given["rounds"][1]["S1"]["latencies_ms"] = [1e6, 1e6]  # one bad round, not a bad difference
    assert figures.above(given, floor).median == pytest.approx(milliseconds)
    assert figures.above(given, "nobody") is None


@pytest.mark.parametrize(
    ("series", "value"),
    [
        ("H", figures.host_ratio),
        ("B2", figures.host_ratio),
        ("S1", figures.overhead),
        ("S1", lambda given: figures.above(given, "T work")),
        ("T work", lambda given: figures.above(given, "T work")),
        ("S1", lambda given: figures.over_rounds(given, "S1", figures.transport_ms)),
        ("S light", figures.bytes_ratio),
        ("N1", figures.bytes_ratio),
    ],
)
def test_where_a_side_fails_nothing_is_measured(series, value):
    """A request that fails has no stages, which is not that they took no time."""
    given = result()
    assert value(given) is not None
    given["rounds"][1][series]["failures"] = 1
    assert value(given) is None


def test_a_rate_counts_right_answers():
    given = result(rounds=1)
    assert figures.rate(given, "S") == pytest.approx(20)
    given["rounds"][0]["S"]["failures"] = 1
    assert figures.rate(given, "S") == pytest.approx(10)
    assert figures.rate(given, "nobody") is None


def test_starts_are_compared():
    assert figures.start_ratio(result()).median == 0.5
    assert figures.start_ratio({"starts": {"S": [4.0]}}) is None


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
