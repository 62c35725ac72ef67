"""What a comparison finds, and what it does not let pass."""

import numpy as np
import pytest

from fidelity.comparison import compare


def output(**changed):
    """An output with two instances, their answer and a segmentation; parts of it exchanged."""
    arrays = {
        "instances.scores": np.array([0.9, 0.4], np.float32),
        "instances.pred_boxes": np.array([[0, 0, 4, 4], [1, 1, 3, 3]], np.float32),
        "instances.pred_classes": np.array([2, 5]),
        "instances.pred_masks": np.arange(32).reshape(2, 4, 4) % 2 == 0,
        "sem_seg": np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4),
        "answer.boxes": np.array([[0, 0, 4, 4], [1, 1, 3, 3]], np.float32),
    }
    return {**arrays, **{name.replace("__", "."): array for name, array in changed.items()}}


BOXES = output()["instances.pred_boxes"]
MASKS = output()["instances.pred_masks"]


def test_the_same_is_the_same():
    found = compare([output(), output()], [output(), output()])
    assert found.differing == ()
    assert found.compared == {"instances": 4, "classes": 2, "semantic classes": 2}
    assert found.photographs_without == 0


@pytest.mark.parametrize(
    ("changed", "box_px", "pixels"),
    [
        ({"instances__pred_boxes": BOXES + np.float32(0.5)}, 0.5, 0),
        ({"answer__boxes": np.nextafter(BOXES, np.float32(9))}, None, 0),
        ({"instances__pred_masks": ~MASKS}, 0, 32),
        ({"instances__scores": np.array([0.9, np.nextafter(np.float32(0.4), 1)], "f4")}, 0, 0),
        ({"sem_seg": np.full((2, 4, 4), -0.0, np.float32)}, 0, 0),
        ({"instances__pred_boxes": BOXES.astype(np.float64)}, 0, 0),
        ({"instances__pred_boxes": BOXES[:1]}, 0, 0),
        ({"answer__more": np.zeros(1)}, 0, 0),
    ],
    ids=[
        "boxes are moved",
        "the last bit of a box",
        "masks",
        "the last bit of a score",
        "minus zero",
        "another type",
        "one box too few",
        "something that Detectron2 does not give",
    ],
)
def test_a_difference_is_found(changed, box_px, pixels):
    found = compare([output(**changed)], [output()])
    assert found.differing == tuple(name.replace("__", ".") for name in changed)
    assert found.differing_mask_pixels == pixels
    if box_px is not None:
        assert found.largest_box_difference_px == box_px


def test_a_part_that_is_missing_is_a_difference():
    found = output()
    del found["instances.pred_masks"]
    assert compare([found], [output()]).differing == ("instances.pred_masks",)


def test_photographs_without_detections_are_counted():
    nothing = {name: array[:0] for name, array in output().items() if name != "sem_seg"}
    nothing["sem_seg"] = output()["sem_seg"]
    assert compare([nothing, output()], [nothing, output()]).photographs_without == 1
    assert compare([{}], [{}]).photographs_without == 1
