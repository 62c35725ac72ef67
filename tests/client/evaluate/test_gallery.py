"""The worst images as pictures: what is drawn how, and what it is called."""

import base64

import cv2
import numpy as np
import pytest
from PIL import Image

from client.classes import Category
from client.evaluate.dataset import Annotation, Dataset, ImageEntry
from client.evaluate.gallery import pictures
from client.evaluate.judging import ImageAnswer, Settings, judge
from tests.images import noise_bgr, pillow_bytes, png


def test_every_object_and_detection_is_drawn_as_what_it_is(tmp_path):
    (tmp_path / "a.png").write_bytes(png(noise_bgr(100, 1280)))
    image = ImageEntry(1, "a.png", (100, 1280))

    def there(id_: int, category_id: int, x: float, *, is_crowd: bool = False) -> Annotation:
        return Annotation(id_, 1, category_id, (x, 0, 100, 100), 1e4, is_crowd=is_crowd)

    def said(category_id: int, score: float, x: float) -> dict:
        box = [x, 0.0, 100.0, 100.0]
        return {"image_id": 1, "category_id": category_id, "bbox": box, "score": score}

    dataset = Dataset(
        tmp_path / "a.json",
        (image, ImageEntry(2, "gone.png", (10, 10))),
        (Category(1, "cat"), Category(2, "dog")),
        (
            there(1, 1, 0),
            there(2, 1, 200),
            there(3, 2, 400),
            there(4, 1, 600, is_crowd=True),
            Annotation(5, 2, 1, (0, 0, 5, 5), 25, is_crowd=False),
        ),
    )
    results = [
        said(1, 0.9, 0),
        said(2, 0.8, 200),
        said(1, 0.7, 600),
        said(2, 0.6, 1000),
        said(2, 0.4, 1100),
    ]
    evaluation = judge(
        dataset,
        [ImageAnswer(image, lambda: results, 0.1), ImageAnswer(dataset.images[1], list, 0.1)],
        Settings(),
    )
    files = {image: tmp_path / image.file_name for image in dataset.images}
    (picture,) = pictures(evaluation, files, 9)  # the other file is not there any more
    assert (picture.name, picture.caption) == ("a.png", "1 missed, 1 confused, 1 false alarm")
    truth, prediction = picture.panels
    assert [(one.look, one.label, one.box[0]) for one in truth.shapes] == [
        ("right", "cat", 0.0),
        ("wrong", "cat, taken for dog", 100.0),
        ("missed", "dog", 200.0),
        ("ignored", "cat (crowd)", 300.0),
    ]
    assert [(one.look, one.label, one.box[0]) for one in prediction.shapes] == [
        ("right", "cat 0.90", 0.0),
        ("wrong", "dog 0.80, is cat", 100.0),
        ("ignored", "cat 0.70", 300.0),
        ("false", "dog 0.60", 500.0),
    ]
    assert truth.shapes[0].box == (0.0, 0.0, 50.0, 50.0)
    assert pictures(evaluation, files, 0) == []


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photograph_that_lies_on_its_side_is_drawn_upright(orientation, tmp_path):
    """Red is the object, in pixels of the upright image, in which the model answers."""
    upright = np.zeros((60, 90, 3), np.uint8)
    upright[5:25, 50:80, 0] = 255
    as_stored = {1: 0, 3: 2, 6: 1, 8: -1}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(upright, as_stored)))
    content = pillow_bytes(stored, "JPEG", exif=exif, quality=95)
    (tmp_path / "a.jpg").write_bytes(content)
    image = ImageEntry(1, "a.jpg", (60, 90))
    objects = (Annotation(1, 1, 1, (50, 5, 30, 20), 600, is_crowd=False),)
    dataset = Dataset(tmp_path / "a.json", (image,), (Category(1, "cat"),), objects)
    evaluation = judge(dataset, [ImageAnswer(image, list, 0.1)], Settings())
    (picture,) = pictures(evaluation, {image: tmp_path / "a.jpg"}, 1)
    assert (picture.width, picture.height) == (90, 60)
    (shape,) = picture.panels[0].shapes
    x, y, width, height = (round(value) for value in shape.box)
    encoded = np.frombuffer(base64.b64decode(picture.src.partition(",")[2]), np.uint8)
    red = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., 2] > 128
    assert red[y + 2 : y + height - 2, x + 2 : x + width - 2].all()
    red[y - 2 : y + height + 2, x - 2 : x + width + 2] = False
    assert not red.any()
