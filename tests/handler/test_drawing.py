import numpy as np
import pytest

from handler.drawing import MAX_PROPOSALS, draw_predictions, printable
from handler.predictions import Objects, Panoptic, Proposals, Segment
from tests.handler.formats.answers import (
    CLASSES,
    EVERY_KIND,
    answered,
    instances,
    objects,
)

SIZE_HW = (400, 600)


def draw(given):
    return draw_predictions(given.image_bgr, given.predictions, given.metadata)


def changed(given):
    return (draw(given) != given.image_bgr).any(axis=2)


def one_object(**fields):
    return Objects(
        boxes_xyxy=np.array(fields.pop("box", [[100, 150, 300, 350]]), np.float32),
        scores=np.array([0.9], np.float32),
        class_ids=np.array([0]),
        **fields,
    )


def bgr(class_info):
    return class_info.color_rgb[::-1]


@pytest.mark.parametrize("given", EVERY_KIND)
def test_draws_every_kind_and_leaves_the_image_alone(given):
    before = given.image_bgr.copy()
    picture = draw(given)
    assert picture.shape == given.image_bgr.shape
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(given.image_bgr, before)


def test_nothing_found_is_the_image():
    assert not changed(instances(0, masks=True, size_hw=SIZE_HW)).any()


def test_a_box_is_drawn_where_it_is():
    where = changed(answered(size_hw=SIZE_HW, objects=one_object()))
    assert where[250, 100]
    assert where[250, 300]
    assert where[350, 200]
    assert not where[200:340, 110:290].any()
    assert not where[360:].any()


def test_a_rotated_box_is_drawn_where_it_is():
    rotated = np.array([[200, 250, 200, 100, 90]], np.float32)
    where = changed(answered(size_hw=SIZE_HW, objects=one_object(rotated_boxes=rotated)))
    assert where[250, 150]
    assert where[250, 250]
    assert where[350, 200]
    assert not where[200:340, 160:240].any()


def test_a_mask_is_tinted_in_its_class_colour():
    mask = np.zeros((1, *SIZE_HW), bool)
    mask[0, 200:300, 150:250] = True
    given = answered(size_hw=SIZE_HW, objects=one_object(masks=mask))
    picture = draw(given)
    inside = picture[250, 200].astype(float)
    expected = 0.55 * 128 + 0.45 * np.array(bgr(CLASSES[0]))
    np.testing.assert_allclose(inside, expected, atol=1)
    assert (picture[210:290, 160:240] == picture[250, 200]).all()
    assert (picture[320:340, 260:290] == 128).all()


def test_keypoints_are_drawn_unless_they_are_noise():
    keypoints = np.array([[[200, 250, 0.5], [250, 300, 0.01]]], np.float32)
    where = changed(answered(size_hw=SIZE_HW, objects=one_object(keypoints=keypoints)))
    assert where[249, 199]
    assert not where[290:310, 240:260].any()


def test_panoptic_takes_the_place_of_masks_and_semantic():
    mask = np.zeros((1, *SIZE_HW), bool)
    mask[0, 200:300, 150:250] = True
    segment_map = np.where(np.arange(SIZE_HW[1]) < 400, 1, -1) * np.ones(SIZE_HW, int)
    given = answered(
        size_hw=SIZE_HW,
        objects=one_object(masks=mask),
        semantic=np.ones(SIZE_HW, np.int64),
        panoptic=Panoptic(segment_map.astype(np.int32), (Segment(1, False, 0),)),
    )
    picture = draw(given)
    assert (picture[210, 160] == picture[320, 290]).all()
    assert (picture[:, 410:] == 128).all()


def test_only_the_best_proposals_are_drawn():
    boxes = np.zeros((MAX_PROPOSALS + 1, 4), np.float32)
    boxes[:] = 10, 10, 50, 50
    boxes[-1] = 100, 100, 200, 200
    found = Proposals(boxes, np.zeros(len(boxes), np.float32))
    where = changed(answered(size_hw=SIZE_HW, proposals=found))
    assert where[30, 10]
    assert not where[60:].any()


@pytest.mark.parametrize(
    "box",
    [
        pytest.param([[-1e30, -50, 1e30, 50]], id="enormous"),
        pytest.param([[700, 500, 900, 600]], id="outside"),
        pytest.param([[5, 5, 5, 5]], id="no size"),
    ],
)
def test_odd_boxes_are_no_error(box):
    draw(answered(size_hw=SIZE_HW, objects=one_object(box=box)))


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 500), (500, 1), (3, 3)])
def test_small_pictures(size_hw):
    found = objects(3, masks=True, keypoints=True, rotated=True, size_hw=size_hw)
    assert draw(answered(size_hw=size_hw, objects=found)).shape == (*size_hw, 3)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("cat", "cat", id="ASCII"),
        pytest.param("dög", "dog", id="accent"),
        pytest.param("naïve café", "naive cafe", id="accents"),
        pytest.param("Straße", "Stra?e", id="letter without a base"),
        pytest.param("fish 魚", "fish ?", id="part of it"),
        pytest.param("猫", "#3", id="nothing readable"),
        pytest.param("", "#3", id="empty"),
        pytest.param("a\nb\x00c", "a?b?c", id="control characters"),
        pytest.param("\ud800x", "?x", id="lone surrogate"),
        pytest.param("😀", "#3", id="emoji"),
    ],
)
def test_names_in_the_characters_of_the_font(name, text):
    assert printable(name, 3) == text


@pytest.mark.parametrize("where", ["boxes_xyxy", "scores", "keypoints", "rotated_boxes"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_refuses_what_is_no_place(where, number):
    given = instances(1, keypoints=True, rotated=True)
    getattr(given.predictions.objects, where)[0] = number
    with pytest.raises(ValueError, match="NaN or infinity"):
        draw(given)
