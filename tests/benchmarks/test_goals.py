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
    assert goal.is_met(Estimate(median, 0.0, 2.0, (median,) * 5)) == is_met


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
        "100 and 200",
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


@pytest.mark.parametrize(
    "changed",
    [
        {"median_mask_iou": None},  # nothing was paired
        {"median_mask_iou": 1.0, "objects": 0},  # there was nothing to find
    ],
)
def test_where_nothing_was_paired_nothing_was_measured(changed):
    given = result()
    given["checked"]["S bf16"] = given["checked"]["S"] | changed
    (row,) = [row for row in rows({"cpu-wide": given}) if "mask IoU" in row[0]]
    assert row[-1] == "not measured"


def test_of_two_starts_both_are_given():
    given = result() | {"starts": {"S": [4.0, 6.0], "N1": [8.0, 8.0]}}
    (row,) = [row for row in rows({"cpu-coins": given}) if "READY" in row[0] and row[-1] == "met"]
    assert row[3:] == ["0.625", "0.5 and 0.75", "met"]


def test_each_low_precision_on_a_gpu_has_its_rows():
    given = result()
    for one in given["rounds"]:
        for name, milliseconds in (("S fp16", 10), ("S bf16", 20), ("B0 bf16", 16)):
            one[name] = one["B1"] | {"seconds": one["B1"]["seconds"] * milliseconds / 100}
    found = {row[0]: row[3:] for row in rows({"gpu-r50": given}) if row[1] == "gpu-r50"}
    assert found["fp16, S kept busy / B1, R50-FPN"] == ["10", "10 to 10", "met"]
    assert found["bf16, S kept busy / B1, R50-FPN"] == ["5", "5 to 5", "**not met**"]
    assert found["bf16, S kept busy / B0 of that precision, R50-FPN"][0] == "0.8"
    assert found["fp16, S kept busy / B0 of that precision, R50-FPN"][-1] == "not measured"
