import numpy as np
import pytest

from client.detections import Detections
from client.drawing import draw


def detections(count: int, *, masks: bool, size_hw=(40, 60)) -> Detections:
    height, width = size_hw
    found = np.zeros((count, height, width), bool)
    found[:, height // 4 : height // 2, width // 4 : width // 2] = True
    box = [width // 4, height // 4, width // 2, height // 2]
    return Detections(
        model=("m", "1"),
        size_hw=size_hw,
        boxes_xyxy=np.array([box] * count, np.float32).reshape(-1, 4),
        scores=np.full(count, 0.5, np.float32),
        class_ids=np.zeros(count, np.int64),
        class_names=("cat",) * count,
        masks=found if masks else None,
    )


@pytest.mark.parametrize("masks", [True, False], ids=["masks", "boxes alone"])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_draws_inside_the_object_and_leaves_the_rest(masks, scale):
    image_bgr = np.full((120, 180, 3), 100, np.uint8)
    picture = draw(image_bgr, detections(1, masks=masks, size_hw=(120, 180)), scale=scale)
    assert picture.shape == (120 * scale, 180 * scale, 3)
    assert (picture[int(50 * scale), int(70 * scale)] != 100).any() == masks
    assert (picture[int(70 * scale) :, int(100 * scale) :] == 100).all()
    assert (image_bgr == 100).all()


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(detections(0, masks=True), id="nothing found"),
        pytest.param(detections(300, masks=True), id="more instances than colours"),
    ],
)
def test_draws_any_number(found):
    assert draw(np.zeros((40, 60, 3), np.uint8), found).shape == (40, 60, 3)


def test_draws_on_one_pixel():
    found = detections(1, masks=True, size_hw=(1, 1))
    assert draw(np.zeros((1, 1, 3), np.uint8), found).shape == (1, 1, 3)
