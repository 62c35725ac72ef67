import numpy as np
import pytest
from pycocotools import mask as coco_mask

from client.models.agreement import agreement


def found(*objects: tuple) -> dict:
    """An answer; an object is (class name, score, box)."""
    return {
        "predictions": [
            {"class_name": name, "score": score, "box": list(box)} for name, score, box in objects
        ]
    }


def segments(kind: str, **left_of: int) -> dict:
    """An answer of 10 x 10 pixels; each class covers those left of a column."""
    listed = []
    for name, column in left_of.items():
        mask = np.zeros((10, 10), np.uint8, order="F")
        mask[:, :column] = 1
        rle = coco_mask.encode(mask)
        listed.append({"class_name": name, "mask": {**rle, "counts": rle["counts"].decode()}})
    return {"predictions": [], kind: {"segments": listed}}


A, B, FAR = (0, 0, 10, 10), (2, 0, 12, 10), (50, 50, 60, 60)


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        pytest.param(found(), found(), (0, 0, 0, 0), id="nothing found"),
        pytest.param(found(("cat", 0.9, A)), found(("cat", 0.8, A)), (1, 1, 1, 1), id="the same"),
        pytest.param(found(("cat", 0.9, A)), found(("cat", 0.9, B)), (1, 1, 1, 1), id="moved"),
        pytest.param(
            found(("cat", 0.9, A)), found(("cat", 0.9, FAR)), (1, 0, 1, 0), id="elsewhere"
        ),
        pytest.param(found(("cat", 0.9, A)), found(("dog", 0.9, A)), (1, 0, 1, 0), id="class"),
        pytest.param(found(("cat", 0.9, A)), found(), (1, 0, 0, 0), id="lost"),
        pytest.param(found(), found(("cat", 0.9, A)), (0, 0, 1, 0), id="seen where nothing is"),
        pytest.param(
            found(("cat", 0.6, A)), found(("cat", 0.4, A)), (1, 1, 0, 0), id="at the limit"
        ),
        pytest.param(found(("cat", 0.3, A)), found(), (0, 0, 0, 0), id="below the score"),
        pytest.param(
            found(("cat", 0.9, A), ("cat", 0.8, B)),
            found(("cat", 0.9, A)),
            (2, 1, 1, 1),
            id="one counterpart each",
        ),
        pytest.param(found(("cat", 0.9, (5, 5, 5, 5))), found(), (1, 0, 0, 0), id="no area"),
        pytest.param(
            found(("cat", 0.9, (5, 5, 5, 5))),
            found(("cat", 0.9, (5, 5, 5, 5))),
            (1, 0, 1, 0),
            id="no area on either side",
        ),
    ],
)
def test_counts_counterparts_both_ways(old, new, counts):
    one = agreement([old], [new], score=0.5)
    assert (one.old, one.old_found_again, one.new, one.new_found_before) == counts


@pytest.mark.parametrize(
    ("shapes", "again"),
    [
        pytest.param({"rotated_box": [5, 5, 10, 10, 2]}, 1, id="a rotated box that is alike"),
        pytest.param({"rotated_box": [5, 5, 20, 4, 45]}, 0, id="another rotated box"),
        pytest.param({"keypoints": [[5, 5, 1], [7, 5, 1]]}, 1, id="keypoints that are alike"),
        pytest.param({"keypoints": [[5, 5, 1], [7, 9, 1]]}, 1, id="half of the keypoints"),
        pytest.param({"keypoints": [[1, 9, 1], [7, 9, 1]]}, 0, id="other keypoints"),
    ],
)
def test_an_object_is_found_again_by_everything_that_is_said_of_it(shapes, again):
    old, new = found(("cat", 0.9, A)), found(("cat", 0.9, A))
    old["predictions"][0] |= {
        "rotated_box": {"rotated_box": [5, 5, 10, 10, 0]},
        "keypoints": {"keypoints": [[5, 5, 1], [7, 5, 1]]},
    }[next(iter(shapes))]
    new["predictions"][0] |= shapes
    assert agreement([old], [new], score=0.5).old_found_again == again


def proposals(*boxes: tuple) -> dict:
    """An answer; a proposal is (logit, box)."""
    return {
        "predictions": [],
        "proposals": [{"objectness": logit, "box": list(box)} for logit, box in boxes],
    }


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        pytest.param(proposals((3, A)), proposals((2, B)), (1, 1, 1, 1), id="alike"),
        pytest.param(proposals((3, A)), proposals((3, FAR)), (1, 0, 1, 0), id="elsewhere"),
        pytest.param(proposals((3, A)), proposals((-1, A)), (1, 1, 0, 0), id="at the limit"),
        pytest.param(proposals((-9, A), (-1e4, B)), proposals(), (0, 0, 0, 0), id="background"),
    ],
)
def test_proposals_are_objects_with_logits(old, new, counts):
    one = agreement([old], [new], score=0.5)
    assert (one.old, one.old_found_again, one.new, one.new_found_before) == counts


def with_mask(*objects: tuple) -> dict:
    document = found(*objects)
    for one in document["predictions"]:
        one["mask"] = segments("semantic", sky=5)["semantic"]["segments"][0]["mask"]
    return document


@pytest.mark.parametrize(
    ("old", "new", "one_sided"),
    [
        pytest.param(found(("cat", 0.9, A)), found(("cat", 0.9, A)), (), id="the same heads"),
        pytest.param(with_mask(("cat", 0.9, A)), found(("cat", 0.9, A)), ("mask",), id="no masks"),
        pytest.param(with_mask(("cat", 0.9, A)), found(), (), id="nothing found tells nothing"),
        pytest.param(found(), proposals(), ("proposals",), id="proposals now"),
    ],
)
def test_says_what_only_one_of_them_has(old, new, one_sided):
    one = agreement([old], [new], score=0.5)
    assert one.one_sided == one_sided
    assert one.old_found_again == (0 if one_sided else one.new)
    assert ("only one of the two has" in one.sentence()) is bool(one_sided)


def test_the_share_is_of_both_sides_and_all_images():
    old = [found(("cat", 0.9, A)), found()]
    new = [found(("cat", 0.9, A)), found(("cat", 0.9, A), ("cat", 0.9, FAR))]
    one = agreement(old, new, score=0.5)
    assert one.share == pytest.approx(2 / 4)
    assert "1 of the old version's 1 detections" in one.sentence()


def test_nothing_on_either_side_agrees():
    assert agreement([found()], [found()], score=0.5).share == 1.0


@pytest.mark.parametrize("kind", ["semantic", "panoptic"])
@pytest.mark.parametrize(
    ("new", "share"),
    [({"sky": 6}, 1.0), ({"sky": 2}, 0.0), ({"sea": 6}, 0.0), ({}, 0.0)],
    ids=["alike", "smaller", "another class", "none"],
)
def test_segments_are_compared_by_their_pixels(kind, new, share):
    old = segments(kind, sky=5)
    one = agreement([old], [segments(kind, **new)], score=0.5)
    assert one.share == share
    assert one.one_sided == ()
