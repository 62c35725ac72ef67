import base64
import json

import cv2
import numpy as np
import pytest

from client.errors import ClientError
from client.question import Options, encoded, question
from tests.images import noise_bgr, png

IMAGE = png(noise_bgr(20, 30))


@pytest.mark.parametrize(
    ("options", "given"),
    [
        pytest.param(Options(), {}, id="none"),
        pytest.param(Options(score_threshold=0.0), {"score_threshold": 0.0}, id="zero is given"),
        pytest.param(Options(max_detections=0), {"max_detections": 0}, id="no detections"),
        pytest.param(Options(classes=()), {"classes": []}, id="no classes"),
        pytest.param(
            Options(0.5, 3, ("cat", 2), 640, 0.25),
            {
                "score_threshold": 0.5,
                "max_detections": 3,
                "classes": ["cat", 2],
                "tile": 640,
                "overlap": 0.25,
            },
            id="all",
        ),
        pytest.param(Options(classes="coin"), {"classes": ["coin"]}, id="a class by name"),
        pytest.param(Options(classes=3), {"classes": [3]}, id="a class by id"),
        pytest.param(
            Options(np.float32(0.1), np.int64(5), tile=np.uint16(640), overlap=np.float64(0.25)),
            {
                "score_threshold": float(np.float32(0.1)),
                "max_detections": 5,
                "tile": 640,
                "overlap": 0.25,
            },
            id="NumPy's numbers",
        ),
        pytest.param(
            Options(classes=np.array(["cat", "dog"])),
            {"classes": ["cat", "dog"]},
            id="NumPy's text",
        ),
        pytest.param(Options(classes=[np.int32(3), "x"]), {"classes": [3, "x"]}, id="NumPy's ids"),
        pytest.param(Options(classes=np.int64(3)), {"classes": [3]}, id="NumPy's id"),
    ],
)
def test_options_that_are_given(options, given):
    assert options.given() == given
    assert json.loads(json.dumps(options.given())) == given


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param(Options(score_threshold=[0.5]), r"threshold is \[0.5\], a list", id="list"),
        pytest.param(Options(classes=[b"cat"]), "classes is b'cat', a bytes; accepted", id="bytes"),
        pytest.param(Options(max_detections=1j), "max_detections is 1j, a complex", id="complex"),
    ],
)
def test_options_that_are_none(options, sentence):
    with pytest.raises(ClientError, match=sentence):
        question(IMAGE, options)


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        pytest.param(None, {}, id="none"),
        pytest.param(
            Options(score_threshold=0.25, max_detections=7),
            {"X-score-threshold": "0.25", "X-max-detections": "7"},
            id="numbers",
        ),
        pytest.param(Options(tile=64), {"X-tile": "64"}, id="tiles"),
    ],
)
def test_an_image_is_the_body_and_numbers_are_headers(options, headers):
    asked = question(IMAGE, options)
    assert asked.body == IMAGE
    assert asked.headers == {"Content-Type": "application/octet-stream", **headers}


@pytest.mark.parametrize(
    ("options", "proposals", "rest"),
    [
        pytest.param(
            Options(classes=["dög, cat", 1], tile=64),
            None,
            {"classes": ["dög, cat", 1], "tile": 64},
            id="names with any characters",
        ),
        pytest.param(None, [[0, 1, 2.5, 3]], {"proposals": [[0, 1, 2.5, 3]]}, id="proposals"),
        pytest.param(
            Options(),
            np.array([[0.1, 1, 2, 3]], np.float32),
            {"proposals": [[float(np.float32(0.1)), 1.0, 2.0, 3.0]]},
            id="an array of proposals keeps its bits",
        ),
        pytest.param(None, [], {"proposals": []}, id="an empty list of proposals"),
    ],
)
def test_what_headers_cannot_have_is_sent_as_json(options, proposals, rest):
    asked = question(IMAGE, options, proposals)
    document = json.loads(asked.body)
    assert base64.b64decode(document.pop("image")) == IMAGE
    assert document == rest
    assert asked.headers == {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(noise_bgr(20, 30), id="colour"),
        pytest.param(noise_bgr(20, 30)[:, :, 0], id="grey"),
        pytest.param(noise_bgr(1, 1), id="one pixel"),
        pytest.param(noise_bgr(20, 30)[::-1, ::2], id="a view"),
    ],
)
def test_pixels_keep_every_bit(pixels):
    decoded = cv2.imdecode(np.frombuffer(encoded(pixels), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(noise_bgr(4, 4).astype(np.float32), id="floats"),
        pytest.param(np.zeros((4, 4, 4), np.uint8), id="four channels"),
        pytest.param(np.zeros((0, 4, 3), np.uint8), id="no pixels"),
        pytest.param(np.zeros(4, np.uint8), id="a line"),
    ],
)
def test_other_arrays_are_refused(pixels):
    with pytest.raises(ClientError, match="is not an image; accepted are"):
        encoded(pixels)


def test_files_are_sent_as_they_are(tmp_path):
    file = tmp_path / "ümlaut 猫.bin"
    file.write_bytes(b"whatever it is")
    assert encoded(file) == encoded(str(file)) == b"whatever it is"


@pytest.mark.parametrize("name", ["gone.jpg", "a\0b.jpg", "."], ids=["gone", "nul", "a folder"])
def test_files_that_cannot_be_read(tmp_path, name):
    with pytest.raises(ClientError, match="cannot be read"):
        encoded(f"{tmp_path}/{name}")


@pytest.mark.parametrize("boxes", [[[1, 2, 3]], [1, 2, 3], "boxes"], ids=["3", "flat", "text"])
def test_proposals_that_are_none(boxes):
    with pytest.raises(ClientError, match="proposals"):
        question(IMAGE, None, boxes)
