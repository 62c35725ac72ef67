"""The photographs that are sent."""

import numpy as np
from PIL import Image

from fidelity.photographs import photographs
from handler.image import decode_image


def test_four_photographs_of_different_shapes(tmp_path):
    shapes = [one.image_bgr.shape for one in photographs(tmp_path)]
    assert len(set(shapes)) == 4
    assert {(one[0] > one[1]) - (one[0] < one[1]) for one in shapes} == {-1, 0, 1}


def test_the_file_holds_the_pixels(tmp_path):
    for one in photographs(tmp_path):
        decoded = decode_image(one.path.read_bytes(), max_pixels=10**7)
        np.testing.assert_array_equal(decoded, one.image_bgr)
        with Image.open(one.path) as image:
            assert image.getexif().get(274, 1) == 1


def test_proposals_lie_inside_and_are_the_same_every_time(tmp_path):
    for one, again in zip(photographs(tmp_path), photographs(tmp_path), strict=True):
        np.testing.assert_array_equal(one.proposals_xyxy, again.proposals_xyxy)
        height, width = one.image_bgr.shape[:2]
        x0, y0, x1, y1 = one.proposals_xyxy.T
        assert (x0 < x1).all()
        assert (y0 < y1).all()
        assert x1.max() <= width + 4
        assert y1.max() <= height + 4
        assert (np.diff(one.objectness) < 0).all()
