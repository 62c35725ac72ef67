import json
from dataclasses import replace

import numpy as np
import pytest

from client.drawing import class_colour, draw
from client.predictions import Predictions
from handler.formats.native import encode_native
from tests.handler.formats.answers import EVERY_KIND, instances, panoptic, proposals, semantic


def read(answered) -> Predictions:
    return Predictions.from_native(json.loads(encode_native(answered)))


def one(*, masks: bool = True, size_hw=(120, 180), **changes) -> Predictions:
    """An object in the second eighth of an image, in both directions."""
    height, width = size_hw
    mask = np.zeros((1, height, width), bool)
    mask[:, height // 4 : height // 2, width // 4 : width // 2] = True
    found = read(instances(1, masks=mask if masks else False, size_hw=size_hw))
    box = [width // 4, height // 4, width // 2, height // 2]
    return replace(found, boxes_xyxy=np.array([box], np.float32), **changes)


def changed(picture, grey=100):
    return (picture != grey).any(axis=2)


@pytest.mark.parametrize("answered", EVERY_KIND)
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_draws_everything_that_is_answered(answered, scale):
    found = read(answered)
    image_bgr = np.full((*found.size_hw, 3), 100, np.uint8)
    picture = draw(image_bgr, found, scale=scale)
    assert picture.shape == (*(round(side * scale) for side in found.size_hw), 3)
    assert picture.dtype == np.uint8
    assert (image_bgr == 100).all()
    is_empty = not (len(found) or found.proposals or found.semantic or found.panoptic)
    nothing = is_empty or (found.proposals is not None and not len(found.proposals.objectness))
    if found.size_hw != (1, 1):  # where a box may lie between the pixels
        assert changed(picture).any() == (not nothing)


@pytest.mark.parametrize("masks", [True, False], ids=["masks", "boxes alone"])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_tints_the_object_and_leaves_the_rest(masks, scale):
    picture = draw(np.full((120, 180, 3), 100, np.uint8), one(masks=masks), scale=scale)
    found = changed(picture)
    assert found[int(50 * scale), int(70 * scale)] == masks
    assert found[int(30 * scale), int(70 * scale)]  # the box
    assert not found[int(65 * scale) :].any()
    assert not found[:, int(120 * scale) :].any()


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("corner", ["first", "last"])
def test_masks_at_the_edge_of_the_image(scale, corner):
    mask = np.zeros((1, 40, 60), bool)
    mask[0, 0 if corner == "first" else -1, 0 if corner == "first" else -1] = True
    found = read(instances(1, masks=mask, size_hw=(40, 60)))
    picture = draw(np.full((40, 60, 3), 100, np.uint8), found, scale=scale)
    assert picture.shape[:2] == (round(40 * scale), round(60 * scale))


def test_a_rotated_box_is_drawn_rotated():
    upright = np.array([[90, 60, 100, 10, 0]], np.float32)
    turned = upright + np.array([[0, 0, 0, 0, 45]], np.float32)
    image_bgr = np.full((120, 180, 3), 100, np.uint8)
    found = one(masks=False, class_names=("",))
    flat = changed(draw(image_bgr, replace(found, rotated_boxes=upright)))
    slant = changed(draw(image_bgr, replace(found, rotated_boxes=turned)))
    assert flat[55:66, 45:135].any()
    assert not flat[80:].any()
    # Anticlockwise to the eye: the right end is up.
    end = round(50 * 2**-0.5)
    assert slant[60 - end - 6 : 60 - end + 6, 90 + end - 6 : 90 + end + 6].any()
    assert slant[60 + end - 6 : 60 + end + 6, 90 - end - 6 : 90 - end + 6].any()
    assert not slant[60 + end - 6 : 60 + end + 6, 90 + end - 6 : 90 + end + 6].any()


@pytest.mark.parametrize(("score", "drawn"), [(0.9, True), (0.05, True), (0.04, False)])
def test_keypoints_that_are_seen(score, drawn):
    keypoints = np.array([[[150.5, 100.5, score]]], np.float32)
    picture = draw(
        np.full((120, 180, 3), 100, np.uint8), replace(one(masks=False), keypoints=keypoints)
    )
    assert changed(picture)[100, 150] == drawn


def test_a_panoptic_segmentation_takes_the_place_of_masks():
    answered = panoptic(with_instances=True)
    found = read(answered)
    image_bgr = np.full((*found.size_hw, 3), 100, np.uint8)
    segment_map = answered.predictions.panoptic.segment_map
    outside = replace(found, boxes_xyxy=np.full((2, 4), -50, np.float32), class_names=("", ""))
    picture = draw(image_bgr, outside)
    assert changed(picture)[segment_map == 7].all()
    assert changed(picture)[segment_map == 8].all()
    assert not changed(picture)[16:, :].any()


def test_a_semantic_class_has_its_colour():
    found = read(semantic((200, 300)))
    picture = draw(np.full((200, 300, 3), 100, np.uint8), found)
    sky, grass = picture[5, 5].astype(int), picture[-5, 5].astype(int)
    for seen, class_id in ((sky, 0), (grass, 1)):
        wanted = 0.6 * 100 + 0.4 * np.array(class_colour(class_id, is_thing=False))
        assert np.abs(seen - wanted).max() <= 1


def test_the_best_proposals_are_drawn():
    found = read(proposals(3))
    many = replace(found.proposals, boxes_xyxy=np.repeat([[2, 2, 9, 9]], 150, axis=0))
    image_bgr = np.zeros((*found.size_hw, 3), np.uint8)
    few, all_ = draw(image_bgr, found), draw(image_bgr, replace(found, proposals=many))
    assert few.any()
    assert all_[2, 2:10].all()


def test_classes_keep_their_colours_and_differ():
    colours = [class_colour(class_id) for class_id in range(80)]
    assert colours == [class_colour(class_id) for class_id in range(80)]
    apart = np.abs(np.array(colours)[:, None] - np.array(colours)[None]).sum(axis=2)
    apart[np.diag_indices(80)] = 999
    assert apart.min() >= 12
    assert class_colour(3) != class_colour(3, is_thing=False)
    shades = {class_colour(3, instance=number) for number in range(4)}
    assert len(shades) == 4


def test_two_classes_of_one_name_have_two_colours():
    found = read(instances(2))
    twins = replace(found, class_names=("cat", "cat"), class_ids=np.array([0, 1]))
    picture = draw(np.zeros((*found.size_hw, 3), np.uint8), twins)
    assert len({tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()}) > 2


@pytest.mark.parametrize(
    "box",
    [
        pytest.param([-1e9, -1e9, 1e9, 1e9], id="far outside"),
        pytest.param([500, 500, 600, 600], id="outside"),
        pytest.param([5, 5, 5, 5], id="a point"),
    ],
)
def test_boxes_of_any_place(box):
    image_bgr = np.zeros((120, 180, 3), np.uint8)
    found = one(masks=False)
    draw(image_bgr, replace(found, boxes_xyxy=np.array([box], np.float32)))


@pytest.mark.parametrize("name", ["猫", "", "a\nb", "x" * 5000, "%d {0}"], ids=lambda one: one[:5])
def test_names_with_any_characters(name):
    draw(np.zeros((120, 180, 3), np.uint8), one(class_names=(name,)))


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match="The image has 10 x 20 pixels, the"):
        draw(np.zeros((20, 10, 3), np.uint8), one())


def test_views_and_flipped_images():
    image_bgr = np.full((120, 180, 3), 100, np.uint8)[::-1, ::-1]
    assert draw(image_bgr, one()).flags["C_CONTIGUOUS"]
