import io
import struct
import zlib

import numpy as np
import pytest
from detectron2.data.detection_utils import read_image
from PIL import Image

from handler.errors import ImageTooLarge, UndecodableImage
from handler.image import decode_image
from tests.images import noise_bgr, pillow_bytes, png

LIMIT = 1_000_000
RGB = Image.fromarray(noise_bgr(20, 30)[:, :, ::-1])


def rotated_by_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: the camera was turned by a quarter
    return pillow_bytes(RGB, "JPEG", exif=exif)


SIXTEEN_BITS = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100

FILES = {
    "jpeg": pillow_bytes(RGB, "JPEG"),
    "jpeg turned by exif": rotated_by_exif(),
    "jpeg cmyk": pillow_bytes(RGB.convert("CMYK"), "JPEG"),
    "png": pillow_bytes(RGB, "PNG"),
    "png grey": pillow_bytes(RGB.convert("L"), "PNG"),
    "png grey and alpha": pillow_bytes(RGB.convert("LA"), "PNG"),
    "png palette": pillow_bytes(RGB.convert("P"), "PNG"),
    "png rgba": pillow_bytes(RGB.convert("RGBA"), "PNG"),
    "png of 16 bits": pillow_bytes(Image.fromarray(SIXTEEN_BITS), "PNG"),
    "tiff of 16 bits": pillow_bytes(Image.fromarray(SIXTEEN_BITS), "TIFF"),
    "webp": pillow_bytes(RGB, "WEBP"),
    "bmp": pillow_bytes(RGB, "BMP"),
    "tiff": pillow_bytes(RGB, "TIFF"),
    "gif": pillow_bytes(RGB, "GIF"),
    "one pixel": png(noise_bgr(1, 1)),
}


@pytest.mark.parametrize("name", FILES)
def test_decodes_as_detectron2_does_in_training(name, tmp_path):
    file = tmp_path / "image"
    file.write_bytes(FILES[name])
    image_bgr = decode_image(FILES[name], max_pixels=LIMIT)
    np.testing.assert_array_equal(image_bgr, read_image(str(file), format="BGR"))
    assert image_bgr.dtype == np.uint8
    assert image_bgr.flags.c_contiguous


def test_applies_the_exif_orientation():
    assert decode_image(FILES["jpeg turned by exif"], max_pixels=LIMIT).shape == (30, 20, 3)


def test_a_tiff_is_turned_once():
    exif = Image.Exif()
    exif[0x0112] = 6
    image_bgr = decode_image(pillow_bytes(RGB, "TIFF", exif=exif), max_pixels=LIMIT)
    turned = np.rot90(np.asarray(RGB)[:, :, ::-1], k=-1)
    np.testing.assert_array_equal(image_bgr, turned)


@pytest.mark.parametrize(
    "image_bytes",
    [
        pytest.param(b"not an image", id="text"),
        pytest.param(b"\xff\xd8\xff\xe0", id="jpeg marker and nothing else"),
        pytest.param(FILES["jpeg"][:-200], id="jpeg cut off"),
        pytest.param(FILES["png"][:60], id="png cut off"),
        pytest.param(FILES["png"].replace(b"IDAT", b"JDAT"), id="png damaged"),
        pytest.param(pillow_bytes(RGB, "PPM"), id="a format that is not accepted"),
        pytest.param(b"\x00", id="one byte"),
    ],
)
def test_refuses_what_is_not_a_whole_image(image_bytes):
    with pytest.raises(UndecodableImage):
        decode_image(image_bytes, max_pixels=LIMIT)


def bomb(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes whose header announces width x height pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * 1000)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"),
    [
        pytest.param(1001, 1000, id="just above"),
        pytest.param(50_000, 50_000, id="7.5 GB of pixels"),
        pytest.param(1, 2_000_000, id="one column"),
    ],
)
def test_refuses_too_many_pixels_by_the_header(width, height):
    with pytest.raises(ImageTooLarge, match=f"{width} x {height} = {width * height} pixels"):
        decode_image(bomb(width, height), max_pixels=LIMIT)


def test_refuses_tiles_that_are_larger_than_the_image_may_be():
    # 16 x 16 pixels in one tile of 4096 x 4096, which would be decoded whole.
    tile = zlib.compress(bytes(4096))
    # TIFF 6.0: size, bits, compression, photometric, samples, tile size, offset and byte count.
    tags = {256: 16, 257: 16, 258: 8, 259: 8, 262: 1, 277: 1, 322: 4096, 323: 4096, 324: 200}
    entries = [(tag, 4, 1, value) for tag, value in {**tags, 325: len(tile)}.items()]
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    content = b"II*\0" + struct.pack("<I", 8) + directory + bytes(4)
    with pytest.raises(ImageTooLarge, match="tiles of 4096 x 4096"):
        decode_image(content.ljust(200, b"\0") + tile, max_pixels=LIMIT)


def test_refuses_a_jpeg_that_goes_over_its_pixels_without_end():
    content = pillow_bytes(RGB, "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    bomb_of_scans = content[:start] + content[start:-2] * 200 + content[-2:]
    decode_image(content, max_pixels=LIMIT)
    with pytest.raises(UndecodableImage, match="more than 100 scans"):
        decode_image(bomb_of_scans, max_pixels=LIMIT)


def test_accepts_an_image_at_the_limit():
    assert decode_image(FILES["png"], max_pixels=600).shape == (20, 30, 3)


def test_takes_the_first_frame_of_an_animation():
    buffer = io.BytesIO()
    black, white = Image.new("RGB", (4, 4)), Image.new("RGB", (4, 4), "white")
    black.save(buffer, "GIF", save_all=True, append_images=[white])
    assert decode_image(buffer.getvalue(), max_pixels=LIMIT).max() == 0
