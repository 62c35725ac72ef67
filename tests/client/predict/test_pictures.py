import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from client.errors import ClientError
from client.predict.pictures import draw_file, read_picture, write_picture
from client.predictions import Predictions
from handler.formats.native import encode_native
from handler.image import decode_image
from tests.handler.formats.answers import instances
from tests.images import noise_bgr, pillow_bytes

RGB = Image.fromarray(noise_bgr(60, 90)[:, :, ::-1])


def turned(suffix: str) -> bytes:
    exif = Image.Exif()
    exif[0x112] = 6  # the first row is the right side
    return pillow_bytes(RGB, suffix, exif=exif)


FILES = [
    pytest.param("a.jpg", pillow_bytes(RGB, "JPEG"), id="JPEG"),
    pytest.param("a.png", pillow_bytes(RGB, "PNG"), id="PNG"),
    pytest.param("a.jpg", turned("JPEG"), id="JPEG turned by EXIF"),
    pytest.param("a.png", turned("PNG"), id="PNG turned by EXIF"),
    pytest.param("a.webp", turned("WEBP"), id="WebP turned by EXIF"),
    pytest.param("a.tif", turned("TIFF"), id="TIFF turned by EXIF"),
    pytest.param("a.bmp", pillow_bytes(RGB, "BMP"), id="BMP"),
    pytest.param("a.gif", pillow_bytes(RGB.convert("P"), "GIF"), id="GIF"),
    pytest.param("a.png", pillow_bytes(RGB.convert("RGBA"), "PNG"), id="with transparency"),
    pytest.param("a.png", pillow_bytes(RGB.convert("L"), "PNG"), id="grey"),
    pytest.param("a.tif", pillow_bytes(RGB.convert("1"), "TIFF"), id="black and white"),
    pytest.param("a.jpg", pillow_bytes(RGB.convert("CMYK"), "JPEG"), id="CMYK"),
    pytest.param("a.jpg", pillow_bytes(RGB, "PNG"), id="a PNG that is called JPEG"),
    pytest.param("ümlaut 猫.jpg", pillow_bytes(RGB, "JPEG"), id="any name"),
]


@pytest.mark.parametrize(("name", "content"), FILES)
def test_what_the_server_reads_can_be_drawn_on(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    seen = decode_image(content, max_pixels=10**6)
    size_hw = seen.shape[:2]
    read = read_picture(file, size_hw)
    if "transparency" not in name:
        assert np.abs(read.astype(int) - seen).mean() < 3
    found = Predictions.from_native(json.loads(encode_native(instances(2, size_hw=size_hw))))
    picture = tmp_path / "new" / name
    draw_file(file, found, picture)
    drawn = cv2.imdecode(np.fromfile(picture, np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape[:2] == size_hw
    assert (drawn != read).any()
    assert list(picture.parent.iterdir()) == [picture]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "OpenCV cannot read it", id="empty"),
        pytest.param(b"hello", "OpenCV cannot read it", id="no image"),
        pytest.param(
            pillow_bytes(RGB, "PNG"), "OpenCV reads 90 x 60 pixels, the server 6 x 5", id="size"
        ),
    ],
)
def test_what_cannot_be_drawn_on(tmp_path, content, sentence):
    file = tmp_path / "a.png"
    file.write_bytes(content)
    with pytest.raises(ClientError, match=f"is answered, but cannot be drawn on: {sentence}"):
        read_picture(file, (5, 6))
    with pytest.raises(ClientError, match=r"cannot be drawn on: .*No such file"):
        read_picture(tmp_path / "gone.png", (5, 6))


@pytest.mark.parametrize("name", ["a.xyz", "a", "file/a.png"], ids=["suffix", "none", "no folder"])
def test_places_that_cannot_be_written(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(ClientError, match="cannot be written"):
        write_picture(noise_bgr(4, 4), tmp_path / Path(name))
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_picture_too_large_for_its_format(tmp_path):
    with pytest.raises(ClientError, match="cannot be written"):
        write_picture(np.zeros((1, 70_000, 3), np.uint8), tmp_path / "a.jpg")
