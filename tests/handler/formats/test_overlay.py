import io

import numpy as np
import pytest
from PIL import Image

from handler.drawing import draw_predictions
from handler.errors import InvalidOption
from handler.formats.overlay import encode_overlay, encode_overlay_png
from handler.formats.registry import FORMATS
from tests.handler.formats.answers import EVERY_KIND, instances, not_a_number


def opened_bgr(body, file_format):
    with Image.open(io.BytesIO(body)) as picture:
        assert picture.format == file_format
        return np.asarray(picture.convert("RGB"))[:, :, ::-1]


@pytest.mark.parametrize("given", EVERY_KIND)
def test_png_is_what_was_drawn(given):
    drawn = draw_predictions(given.image_bgr, given.predictions, given.metadata)
    np.testing.assert_array_equal(opened_bgr(encode_overlay_png(given), "PNG"), drawn)


@pytest.mark.parametrize("given", EVERY_KIND)
def test_jpeg_has_the_images_size(given):
    assert opened_bgr(encode_overlay(given), "JPEG").shape[:2] == given.predictions.size_hw


def test_jpeg_is_close_to_what_was_drawn():
    given = instances(3, size_hw=(200, 300))
    drawn = draw_predictions(given.image_bgr, given.predictions, given.metadata)
    difference = opened_bgr(encode_overlay(given), "JPEG").astype(int) - drawn
    assert np.abs(difference).mean() < 5


@pytest.mark.parametrize(
    ("name", "content_type"), [("overlay", "image/jpeg"), ("overlay_png", "image/png")]
)
def test_registered(name, content_type):
    assert FORMATS[name].content_type == content_type


@pytest.mark.parametrize("encode", [encode_overlay, encode_overlay_png])
@pytest.mark.parametrize("where", ["boxes_xyxy", "scores", "keypoints"])
def test_refuses_what_cannot_be_drawn(encode, where):
    with pytest.raises(ValueError, match="NaN"):
        encode(not_a_number(where))


def test_an_image_too_long_for_a_jpeg_says_so():
    given = instances(1, size_hw=(1, 70000))
    with pytest.raises(InvalidOption, match=r"70000 x 1 pixels, .* overlay_png"):
        encode_overlay(given)
    assert opened_bgr(encode_overlay_png(given), "PNG").shape == (1, 70000, 3)
