import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from client.predictions import Predictions
from deploy.ray.jobs.inputs.opening import open_input
from deploy.ray.jobs.listing import write_list
from deploy.ray.jobs.pictures import FORMAT, register
from deploy.ray.jobs.rows import predictions_of
from deploy.ray.jobs.storage import Storage
from handler.formats.registry import FORMATS
from handler.request import Row
from tests.deploy.ray.jobs.sites import Site
from tests.images import png


def lone_answer(detector, file: Path, **options: object) -> Predictions:
    (answer,) = detector.answer([Row({"data": file.read_bytes(), **options})])
    return Predictions.from_native(json.loads(answer.body))


def test_answers_are_the_handlers_own_bit_for_bit(begun, detector, images):
    site = Site(begun, detector, options={"score_threshold": 0.2, "classes": ["red", 1]})
    done = site(0)
    assert (done["part"], done["images"], done["unread"], done["refused"]) == (0, 4, 0, "")
    assert done["memory_mb"] > 50
    found = 0
    for row in site.parts.read(0).results:
        one = predictions_of(row, model="tiny", version="1.0")
        other = lone_answer(detector, Path(row["path"]), score_threshold=0.2, classes=["red", 1])
        assert one.boxes_xyxy.tobytes() == other.boxes_xyxy.tobytes()
        assert one.scores.tobytes() == other.scores.tobytes()
        assert one.class_ids.tolist() == other.class_ids.tolist()
        assert one.mask_rles == other.mask_rles
        found += len(one)
    assert found > 4


def test_what_cannot_be_read_stands_in_a_table_of_its_own(begun, detector, images):
    (images / "1.png").unlink()
    (images / "2.png").write_bytes(b"")
    (images / "3.png").write_bytes((images / "3.png").read_bytes()[:200])
    site = Site(begun, detector)
    assert site(0)["unread"] == 3
    assert site.names(0) == (
        ["0.png"],
        {"1.png": "FileNotFoundError", "2.png": "EmptyRequest", "3.png": "UndecodableImage"},
    )
    unread = site.parts.read(0).unread
    assert [row["may_pass"] for row in unread] == [True, False, False]
    assert unread[0]["message"].startswith(f"{images}/1.png cannot be read: [Errno 2]")
    assert site(1)["unread"] == 1
    assert site.names(1) == (["sub/4.png"], {"bad.jpg": "UndecodableImage"})


def test_what_has_no_answer_is_asked_about_again_and_nothing_else(
    begun, detector, images, monkeypatch
):
    site = Site(begun, detector)
    good = (images / "2.png").read_bytes()
    (images / "1.png").unlink()
    (images / "2.png").write_bytes(b"no image")
    site(0)
    before = {row["file_name"]: row for row in site.parts.read(0).results}
    asked, original = [], type(detector).answer

    def answer(self, rows):
        asked.extend(rows)
        return original(self, rows)

    monkeypatch.setattr(type(detector), "answer", answer)
    (images / "2.png").write_bytes(good)
    done = site(0, again=True)
    assert (done["images"], done["unread"]) == (2, 1)
    assert [row.fields["data"] for row in asked] == [good]
    assert site.names(0) == (["0.png", "2.png", "3.png"], {"1.png": "FileNotFoundError"})
    after = {row["file_name"]: row for row in site.parts.read(0).results}
    assert {name: after[name] for name in before} == before


def test_pictures_are_the_handlers_own_and_the_model_runs_once(
    begun, detector, images, monkeypatch
):
    monkeypatch.setitem(FORMATS, FORMAT, FORMATS["native"])  # taken out again at the end
    register()
    runs, original = [], type(detector._model).predict

    def predict(self, inputs):
        runs.extend(inputs)
        return original(self, inputs)

    monkeypatch.setattr(type(detector._model), "predict", predict)
    site = Site(begun, detector, pictures=True)
    site(0)
    assert len(runs) == 4
    pictures = [row["picture"] for row in site.parts.read(0).results]
    assert pictures == [
        f"pictures/part-000000-t0/{number}-{number + 1}-{number}.jpg" for number in range(4)
    ]
    for number, name in enumerate(pictures):
        content = (images / f"{number}.png").read_bytes()
        (answer,) = detector.answer([Row({"data": content, "format": "overlay"})])
        assert begun.read(name) == answer.body


def test_an_answer_that_is_too_large_with_its_picture_comes_without(
    begun, detector, images, monkeypatch
):
    monkeypatch.setitem(FORMATS, FORMAT, FORMATS["native"])
    register()
    native = len(detector.answer([Row({"data": (images / "0.png").read_bytes()})])[0].body)
    monkeypatch.setattr(
        detector, "_settings", replace(detector._settings, max_response_bytes=native + 100)
    )
    site = Site(begun, detector, pictures=True)
    assert site(0)["refused"] == ""
    assert site.parts.read(0).results[0]["picture"] is None
    assert site.parts.read(0).results[0]["instances"]


def test_a_part_that_is_done_is_not_asked_about(begun, detector, monkeypatch):
    site = Site(begun, detector)
    site(1)
    before = begun.read("results/part-000001-t0.parquet")
    monkeypatch.setattr(type(detector), "answer", None)
    done = site(1)
    assert (done["images"], done["unread"], done["refused"]) == (2, 1, "")
    assert begun.read("results/part-000001-t0.parquet") == before


def test_windows_have_every_image_once_and_in_order(tmp_path, detector):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        image = np.full((40, 40, 3), number, np.uint8)
        (folder / f"{number:03}.png").write_bytes(png(image))
    storage = Storage(str(tmp_path / "job"))
    storage.write("run.json", b'{"token": "t0"}')
    write_list(storage, "t0", open_input(str(folder)).listed(), images_per_part=40)
    site = Site(storage, detector, images_per_part=40)
    assert site(0)["images"] == 40
    for number, row in enumerate(site.parts.read(0).results):
        assert (row["index"], row["image_id"]) == (number, number + 1)
        assert row["file_name"] == f"{number:03}.png"
        assert cv2.imread(row["path"])[0, 0, 0] == number
