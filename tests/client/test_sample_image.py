import cv2
import numpy as np
import pytest

from client.sample_image import sample_png


@pytest.mark.parametrize("size_wh", [(1, 1), (17, 5), (128, 32), (640, 480)])
def test_is_an_image_of_that_size(size_wh):
    decoded = cv2.imdecode(np.frombuffer(sample_png(*size_wh), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (*size_wh[::-1], 3)
    if min(size_wh) > 16:
        assert decoded.std() > 20


def test_the_same_arguments_give_the_same_bytes():
    assert sample_png(64, 64, 3) == sample_png(64, 64, 3) != sample_png(64, 64, 4)
