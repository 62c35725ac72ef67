"""Which number each name of a condition has."""

from dataclasses import replace

import pytest

from client.compare.comparison import Failed
from client.compare.conditions import QUANTITIES
from client.compare.values import values
from tests.client.compare.material import Two, compared, make_two
from tests.client.compare.test_precision import nothing, without_masks


@pytest.fixture
def two(tmp_path):
    return make_two(tmp_path, 5, images=12, masks=True)


def test_every_name_has_its_number(two):
    comparison = compared(two)
    found = {name: value.number for name, value in values(comparison).items()}
    assert list(found) == list(QUANTITIES)
    assert [name for name, number in found.items() if number is None] == [
        *("keypoint_oks_median", "keypoint_oks_p5", "ap_drop_keypoints"),
        *("ap50_drop_keypoints", "ap75_drop_keypoints"),
    ]
    for name, number in found.items():
        assert number is None or QUANTITIES[name].low <= number <= QUANTITIES[name].high, name
    total, judged = comparison.agreement.total, comparison.judged
    assert found["lost_share"] == total.counts.only_old / total.counts.old > 0
    assert found["new_share"] == total.counts.only_new / total.counts.new
    assert found["changed_share"] == total.counts.changed / total.counts.old
    assert found["box_iou_median"] == total.overlaps["box"].median
    assert found["score_shift"] == total.shifts.median < 0
    old, new = judged.old.ap, judged.new.ap
    drops = {task: (old[task]["AP"] - new[task]["AP"]) / 100 for task in ("bbox", "segm")}
    assert found["ap_drop_bbox"] == drops["bbox"] > 0.001
    assert found["ap_drop"] == max(drops.values())
    assert found["ap50_drop_segm"] == (old["segm"]["AP50"] - new["segm"]["AP50"]) / 100
    assert found["ap_drop_low"] < found["ap_drop"] < found["ap_drop_high"]
    assert found["class_ap_drop"] >= found["ap_drop"]
    assert found["slowdown"] == pytest.approx(1.5) == found["server_slowdown"]
    assert found["failed_images"] == 0


def test_a_version_beside_itself(two):
    found = values(compared(replace(two, new=two.old)))
    exact = {name: value.number for name, value in found.items() if value.number is not None}
    assert exact.pop("slowdown") == pytest.approx(1.5)  # made up
    assert [exact.pop(name) for name in ("slowdown_low", "server_slowdown")] == pytest.approx(
        [1.5, 1.5]
    )
    ones = [name for name, number in exact.items() if number == 1]
    assert ones == [
        *("agreement", "box_iou_median", "box_iou_p5", "mask_iou_median", "mask_iou_p5")
    ]
    assert {number for name, number in exact.items() if name not in ones} == {0.0}


def reasons(comparison):
    return {
        name: (value.why, value.is_missing)
        for name, value in values(comparison).items()
        if value.number is None
    }


def test_without_annotations_ap_is_missing(two):
    found = reasons(compared(two, judged=False))
    of_annotations = {name for name, one in QUANTITIES.items() if one.of_annotations}
    assert {name for name, why in found.items() if why == ("there are no annotations", True)} == (
        of_annotations
    )


def test_masks_that_the_new_version_has_lost_fail_whatever_asks_for_them(two):
    found = reasons(compared(replace(two, new=without_masks(two.new))))
    assert found["ap_drop"] == ("the new version does not answer with masks", False)
    assert found["ap_drop_segm"] == found["ap_drop"] == found["ap_drop_low"]
    assert found["mask_iou_median"] == ("only one of the versions answers with masks", False)
    assert "ap_drop_bbox" not in found
    gained = reasons(compared(replace(two, old=without_masks(two.old))))
    assert gained["ap_drop_segm"] == ("the old version does not answer with masks", False)
    assert "ap_drop" not in gained


def test_masks_that_nobody_has_are_missing(two):
    plain = Two(two.dataset, without_masks(two.old), without_masks(two.new))
    found = reasons(compared(plain))
    assert found["mask_iou_median"] == ("the versions do not answer with masks", True)
    assert found["ap_drop_segm"] == ("masks are not judged: not both sides have them", True)


@pytest.mark.parametrize(
    ("blind", "undefined"),
    [
        pytest.param("new", {"new_share"}, id="the new one"),
        pytest.param("old", {"lost_share", "changed_share"}, id="the old one"),
        pytest.param("both", {"agreement", "lost_share", "new_share", "changed_share"}, id="both"),
    ],
)
def test_a_version_that_finds_nothing(blind, undefined, two):
    sides = {
        side: nothing(getattr(two, side)) for side in ("old", "new") if blind in (side, "both")
    }
    found = reasons(compared(replace(two, **sides)))
    shares = {"agreement", "lost_share", "new_share", "changed_share"}
    assert shares & set(found) == undefined
    assert not any(is_missing for name, (_, is_missing) in found.items() if name in shares)
    assert found["box_iou_median"] == ("no object was found by both", False)
    assert found["score_shift"][1] is False
    assert "ap_drop" not in found


def test_images_that_only_the_new_version_fails_on_are_counted(two):
    failures = [
        Failed("a.png", "new", "InternalError", ""),
        Failed("b.png", "old", "InternalError", ""),
        Failed("c.png", "old", "UndecodableImage", ""),
        Failed("c.png", "new", "UndecodableImage", ""),
        Failed("d.png", None, "SizeMismatch", ""),
    ]
    found = values(replace(compared(two), failures=failures))
    assert found["failed_images"].number == 1
