import pytest

from benchmarks.goals import GOALS, Goal, markdown
from benchmarks.ratios import Estimate
from tests.benchmarks.results import result


def rows(results):
    lines = markdown(results).partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("median", "is_least", "is_met"),
    [
        (1.1, True, True),  # more than the least
        (1.0, True, True),  # just so much
        (0.9, True, False),
        (0.9, False, True),  # less than the most
        (1.0, False, True),
        (1.1, False, False),
    ],
)
def test_a_goal_is_met_where_the_median_reaches_it(median, is_least, is_met):
    goal = Goal("speed", "cpu-coins", 1.0, lambda _: None, is_least=is_least)
    assert goal.is_met(Estimate(median, 0.0, 2.0, rounds=5)) == is_met


def test_without_results_nothing_was_measured():
    assert {row[-1] for row in rows({})} == {"not measured"}
    assert len(rows({})) == len(GOALS)


def test_rows_say_what_the_results_say():
    found = {row[0]: row[1:] for row in rows({"cpu-coins": result()})}
    met = found["exact, S kept busy / B1, coins"]
    assert met == ["cpu-coins", ">= 1.3", "2", "2 to 2", "met"]
    assert found["bytes of an answer, N1 / S"][1:] == [
        ">= 1000",
        "133",
        "100 to 200",
        "**not met**",
    ]
    assert found["S / N1 on the photograph of 24 coins, one client"][2] == "20"
    assert found["exact, S kept busy / B1, R50-FPN"][-1] == "not measured"


def test_percent_and_milliseconds_are_said():
    found = rows({"cpu-r50": result()})
    by_text = {row[0]: row for row in found if row[1] == "cpu-r50"}
    overhead = by_text["S1 beyond its forward pass, of the forward pass, R50-FPN"]
    assert overhead[2:4] == ["<= 3 %", "20 %"]
    transport = by_text["S1 beyond the handler's stages, less T's beyond its work"]
    assert transport[2:4] == ["<= 0.5 ms", "6 ms"]


def test_a_null_test_that_fails_is_said():
    given = result()
    assert "not quiet" not in markdown({"cpu-coins": given})
    for one in given["rounds"]:
        one["B1 again"]["seconds"] *= 2
    assert markdown({"cpu-coins": given, "cpu-r50": result()}).endswith("during cpu-coins.")


def test_one_number_has_no_interval():
    given = result()
    given["checked"]["S bf16"] = given["checked"]["S"] | {"median_mask_iou": 0.995}
    (row,) = [row for row in rows({"cpu-wide": given}) if "mask IoU" in row[0]]
    assert row[2:] == [">= 0.99", "0.995", "", "met"]


@pytest.mark.parametrize(("fp16", "bf16", "best"), [(10, 20, "10"), (20, 10, "10"), (20, 25, "5")])
def test_of_the_low_precisions_on_a_gpu_the_faster_counts(fp16, bf16, best):
    given = result()
    for one in given["rounds"]:
        for name, milliseconds in (("S fp16", fp16), ("S bf16", bf16)):
            one[name] = one["B1"] | {"seconds": one["B1"]["seconds"] * milliseconds / 100}
    (row,) = [row for row in rows({"gpu-r50": given}) if row[2] == ">= 6"]
    assert row[3] == best
