"""Small JPEGs and outlines, held against the image and the mask that they are of."""

import base64
import re

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from client.report.pictures import outline, thumbnail
from tests.images import noise_bgr, pillow_bytes, png


def decoded(src: str) -> np.ndarray:
    header, _, encoded = src.partition(",")
    assert header == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize(
    ("size_hw", "expected_wh"),
    [
        pytest.param((100, 200), (200, 100), id="small ones stay"),
        pytest.param((400, 1000), (640, 256), id="wide"),
        pytest.param((1000, 250), (160, 640), id="high"),
        pytest.param((1, 3000), (640, 1), id="thin"),
        pytest.param((1, 1), (1, 1), id="one pixel"),
    ],
)
def test_fits_the_page(size_hw, expected_wh, tmp_path):
    file = tmp_path / "image.png"
    file.write_bytes(png(noise_bgr(*size_hw)))
    found = thumbnail(file, size_hw)
    assert (found.width, found.height) == expected_wh
    assert decoded(found.src).shape[1::-1] == expected_wh
    assert found.scale == pytest.approx(max(expected_wh) / max(size_hw))


def test_is_upright(tmp_path):
    red_left = np.zeros((40, 80, 3), np.uint8)
    red_left[:, :40, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    file = tmp_path / "turned.jpg"
    file.write_bytes(pillow_bytes(Image.fromarray(red_left), "JPEG", exif=exif))
    found = thumbnail(file, (80, 40))
    assert (found.width, found.height) == (40, 80)
    assert decoded(found.src)[:30, :, 2].min() > 200


@pytest.mark.parametrize("content", [b"no image", b"", None])
def test_what_cannot_be_read_has_no_picture(content, tmp_path, capfd):
    file = tmp_path / "image.png"
    if content is not None:
        file.write_bytes(content)
    assert thumbnail(file, (4, 4)) is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("size_hw", [(40, 80), (80, 41)], ids=["as it lies", "another"])
def test_what_the_model_saw_otherwise_has_no_picture(size_hw, tmp_path):
    file = tmp_path / "image.png"
    file.write_bytes(png(noise_bgr(80, 40)))
    assert thumbnail(file, size_hw) is None


def rle(mask: np.ndarray) -> dict:
    found = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(mask.shape), "counts": found["counts"].decode("ascii")}


def painted(path: str, size_hw: tuple[int, int]) -> np.ndarray:
    """The pixels inside of a path, holes left out."""
    rings = [
        np.array([[float(number) for number in point.split()] for point in ring.split("L")])
        for ring in re.findall(r"M([^MZ]*)Z", path)
    ]
    mask = np.zeros(size_hw, np.uint8)
    for ring in rings:
        inside = np.zeros(size_hw, np.uint8)
        cv2.fillPoly(inside, [np.floor(ring).astype(np.int32)], 1)
        mask ^= inside
    return mask.astype(bool)


def test_an_outline_goes_around_the_mask():
    mask = np.zeros((120, 160), bool)
    cv2.circle(canvas := np.zeros(mask.shape, np.uint8), (80, 60), 40, 1, -1)
    mask |= canvas.astype(bool)
    mask[50:70, 70:90] = False  # a hole
    mask[5:15, 5:25] = True  # a second piece
    path = outline(rle(mask), 1.0)
    assert path.count("M") == 3
    found = painted(path, mask.shape)
    assert (found ^ mask).sum() < 0.06 * mask.sum()
    half = painted(outline(rle(mask), 0.5), (60, 80))
    assert half.sum() == pytest.approx(mask.sum() / 4, rel=0.1)
    assert len(path) < 1500


def test_an_empty_mask_has_no_outline():
    assert outline(rle(np.zeros((4, 4), bool)), 1.0) == ""
