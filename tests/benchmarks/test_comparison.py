from dataclasses import replace

import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances

from benchmarks.arms.pool import reader_of, sent, to_send
from benchmarks.checking import Checker, LengthChecker, of_bytes
from benchmarks.comparison import compare
from benchmarks.found import Found, encode, from_lists, from_native, with_coco_boxes


def square(left: int, side: int = 10) -> np.ndarray:
    mask = np.zeros((40, 60), np.bool_)
    mask[5 : 5 + side, left : left + side] = True
    return mask


def found(*lefts: int) -> Found:
    return Found.of(
        [[left, 5, left + 10, 15] for left in lefts],
        [0.9 - 0.1 * index for index in range(len(lefts))],
        [0] * len(lefts),
        [encode(square(left)) for left in lefts],
    )


def test_the_same_is_identical():
    one = compare(found(0, 20), found(0, 20))
    assert one.is_identical
    assert (one.answers, one.matching.expected) == (1, 2)


def test_nothing_found_is_identical_to_nothing():
    assert compare(found(), found()).is_identical


def test_objects_come_in_any_order():
    masks = [encode(square(20)), encode(square(0))]
    turned = Found.of([[20, 5, 30, 15], [0, 5, 10, 15]], [0.8, 0.9], [0, 0], masks)
    assert compare(turned, found(0, 20)).is_identical


@pytest.mark.parametrize("name", ["boxes", "scores"])
def test_one_bit_is_a_difference(name):
    value = getattr(found(0), name).copy()
    value.flat[0] = np.nextafter(value.flat[0], np.float32(9))
    one = compare(replace(found(0), **{name: value}), found(0))
    assert not one.is_identical
    assert one.matching.unpaired == 0
    assert one.matching.least_mask_iou == 1


def test_one_pixel_of_a_mask_is_a_difference():
    mask = square(0)
    mask[5, 0] = False
    one = compare(replace(found(0), masks=(encode(mask),)), found(0))
    assert not one.is_identical
    assert one.matching.least_mask_iou == pytest.approx(0.99)


def test_the_median_is_over_the_masks_of_all_answers():
    mask = square(0)
    mask[5, 0] = False
    worse = compare(replace(found(0), masks=(encode(mask),)), found(0))
    same = compare(found(0, 20), found(0, 20))
    assert (same + worse).matching.median_mask_iou == 1
    assert (worse + worse + same + worse).matching.median_mask_iou == pytest.approx(0.99)
    assert (same + worse).as_dict()["median_mask_iou"] == 1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (found(), found()),  # nothing there
        (found(0), found(40)),  # nothing paired
    ],
)
def test_without_pairs_no_overlap_is_said(ours, theirs):
    one = compare(ours, theirs)
    assert (one.matching.median_mask_iou, one.matching.least_mask_iou) == (None, None)
    assert one.as_dict()["median_mask_iou"] is None


def test_comparisons_add_up():
    both = compare(found(0), found(0)) + compare(found(2), found(0))
    assert (both.answers, both.identical, both.matching.expected) == (2, 1, 2)
    assert both.matching.largest_box_px == 2
    assert not both.is_identical


def test_answers_are_read_from_what_each_arm_sends():
    native = (
        b'{"predictions":[{"class_id":0,"score":0.9,"box":[0,5,10,15],'
        b'"mask":{"size":[40,60],"counts":"' + encode(square(0))["counts"].encode() + b'"}}]}'
    )
    rows = square(0).tolist()
    lists = f'{{"boxes":[[0,5,10,15]],"scores":[0.9],"classes":[0],"masks":[{rows}]}}'
    for read in (
        from_native(native),
        from_lists(lists.replace("T", "t").replace("F", "f").encode()),
    ):
        assert compare(read, found(0)).is_identical


def test_coco_boxes_have_width_and_height():
    assert with_coco_boxes(found(20)).boxes.tolist() == [[20, 5, 10, 10]]


def checker(*, promises_identical: bool = True) -> Checker[bytes]:
    answers = {b"right": found(0), b"also right": found(0), b"off": found(2)}
    return Checker(
        answers.__getitem__,
        [found(0)],
        fingerprint=of_bytes,
        promises_identical=promises_identical,
    )


def test_an_answer_is_read_once():
    one = checker()
    assert [one.is_good(0, b"right") for _ in range(3)] == [True] * 3
    assert one.comparison.answers == 1
    assert one.is_good(0, b"also right")
    assert one.comparison.answers == 2


def test_a_wrong_answer_is_wrong_every_time():
    one = checker()
    assert [one.is_good(0, b"off") for _ in range(2)] == [False, False]
    assert len(one.reasons) == 1


def test_where_bits_are_not_promised_the_deviation_is_kept():
    one = checker(promises_identical=False)
    assert one.is_good(0, b"off")
    assert one.as_dict()["largest_box_px"] == 2
    assert one.reasons == []


def test_a_wrong_answer_without_pairs_is_wrong():
    one = Checker(lambda _: found(), [found(0)], fingerprint=of_bytes, promises_identical=True)
    assert not one.is_good(0, b"nothing")
    assert "IoU" not in one.reasons[0]


def test_masks_that_are_not_sent_are_not_compared():
    expected = [found(0), found(20), found()]
    read = reader_of(expected)
    one = Checker(
        read, expected, fingerprint=of_bytes, promises_identical=True, compares_masks=False
    )
    assert [one.is_good(k, sent(answer)) for k, answer in enumerate(expected)] == [True] * 3
    assert not one.is_good(0, sent(found(20)))  # another image's
    assert not one.is_good(0, sent(found(21)))  # of no image
    kept = one.as_dict()
    assert (kept["identical"], kept["compares_masks"]) == (3, False)
    assert (kept["least_mask_iou"], kept["median_mask_iou"]) == (None, None)


def test_what_a_process_sends_is_read_without_its_masks():
    """The masks of a large image cost milliseconds to look at: nothing may touch them."""
    instances = Instances((40, 60))
    instances.pred_boxes = Boxes(torch.tensor(found(0, 20).boxes))
    instances.scores = torch.tensor(found(0, 20).scores)
    instances.pred_classes = torch.tensor(found(0, 20).class_ids)
    assert to_send(instances) == sent(found(0, 20))
    assert compare(reader_of([found(0, 20)])(to_send(instances)), found(0, 20)).is_identical


def test_answers_that_say_nothing_have_to_be_as_long_as_was_asked_for():
    one = LengthChecker([3, 0])
    assert one.is_good(0, b"   ")
    assert one.is_good(1, b"")
    assert one.as_dict() == {"reasons": []}
    assert [one.is_good(0, b"  ") for _ in range(9)] == [False] * 9
    assert one.reasons == ["image 0: 2 bytes, 3 were asked for"] * 5


def test_an_unreadable_answer_is_wrong():
    one = checker()
    assert not one.is_good(0, b"nonsense")
    assert "unreadable" in one.reasons[0]
