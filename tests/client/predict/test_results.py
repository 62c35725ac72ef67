import contextlib
import io
import json
from dataclasses import replace

import pytest
from pycocotools.coco import COCO

from client.answers.journal import Journal
from client.answers.record import Failure, Record
from client.inputs.naming import Input
from client.predict.asking import Stopped
from client.predict.categories import Categories
from client.predict.results import write_results
from client.predict.totals import Trouble
from handler.formats.coco import encode_coco
from handler.formats.native import encode_native
from handler.options import Options
from tests.handler.formats.answers import instances

CATEGORIES = Categories(
    {0: 17, 1: 18, 2: 2}, tuple({"id": id_, "name": f"class {id_}"} for id_ in (2, 17, 18))
)
ANSWERED = {
    name: instances(count, masks=True)
    for name, count in (("a.jpg", 3), ("sub/b.jpg", 0), ("c.jpg", 5))
}


def image(name: str) -> Input:
    return Input(f"/{name}", name, name, is_video=False)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "answers.jsonl", {}) as opened:
        for name, answered in ANSWERED.items():
            opened.add(Record(name, "1", 0.1, json.loads(encode_native(answered))))
        opened.add(Record("bad.jpg", "1", 0.1, failure=Failure("UndecodableImage", "It is none.")))
        for number in range(3):
            opened.add(Record(f"v.mp4#{number}", "1", 0.1, failure=Failure("X", str(number))))
        yield opened


def load(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def write(folder, journal, names, ids, **changes):
    arguments = {"categories": CATEGORIES, "troubles": (), "stopped": lambda: False, **changes}
    return write_results(folder, journal, [image(name) for name in names], ids, **arguments)


def test_are_the_servers_own_coco_results(tmp_path, journal):
    assert write(tmp_path, journal, ANSWERED, [4, "x", 6]) == 0
    expected = []
    for (_, answered), image_id in zip(ANSWERED.items(), [4, "x", 6], strict=True):
        expected += json.loads(encode_coco(replace(answered, options=Options(image_id=image_id))))
    found = load(tmp_path, "coco_results.json")
    assert len(found) == 8
    for one, other in zip(found, expected, strict=True):
        for key in ("image_id", "category_id", "segmentation"):
            assert one[key] == other[key]
        for key in ("bbox", "score"):
            assert one[key] == pytest.approx(other[key], rel=1e-7)


def test_pycocotools_reads_both_files(tmp_path, journal):
    write(tmp_path, journal, ANSWERED, [4, 5, 6])
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(tmp_path / "images.json")
        results = coco.loadRes(str(tmp_path / "coco_results.json"))
    assert coco.loadImgs([5]) == [{"id": 5, "file_name": "sub/b.jpg", "width": 30, "height": 20}]
    assert [one["name"] for one in coco.loadCats([17, 2])] == ["class 17", "class 2"]
    assert len(results.getAnnIds(imgIds=[6])) == 5
    mask = results.annToMask(results.loadAnns(results.getAnnIds(imgIds=[4]))[0])
    assert (mask == ANSWERED["a.jpg"].predictions.objects.masks[0]).all()


@pytest.mark.parametrize("names", [[], ["sub/b.jpg"]], ids=["no images", "nothing found"])
def test_nothing(tmp_path, journal, names):
    write(tmp_path, journal, names, [1] * len(names))
    assert load(tmp_path, "coco_results.json") == []
    assert load(tmp_path, "failures.json") == []
    assert len(load(tmp_path, "images.json")["images"]) == len(names)


def test_what_failed_is_said(tmp_path, journal):
    inputs = [image("bad.jpg"), image("a.jpg"), Input("/v.mp4", "v.mp4", "v.mp4", is_video=True)]
    trouble = Trouble("a.jpg", "NoPicture", "It cannot be drawn on.")
    write_results(
        tmp_path, journal, inputs, [1, 2, None], CATEGORIES, [trouble], stopped=lambda: False
    )
    assert load(tmp_path, "failures.json") == [
        {"image": "bad.jpg", "type": "UndecodableImage", "message": "It is none."},
        *({"image": f"v.mp4#{n}", "type": "X", "message": str(n)} for n in range(3)),
        {"image": "a.jpg", "type": "NoPicture", "message": "It cannot be drawn on."},
    ]
    assert [one["id"] for one in load(tmp_path, "images.json")["images"]] == [2]


def test_frames_of_what_a_video_was_before_are_not_its_own(tmp_path, journal):
    journal.add(Record("v.mp4#1", "2", 0.1, failure=Failure("X", "it is shorter now")))
    journal.add(Record("v.mp4#0", "2", 0.1, failure=Failure("X", "first")))
    video = Input("/v.mp4", "v.mp4", "v.mp4", is_video=True)
    write_results(tmp_path, journal, [video], [None], CATEGORIES, (), stopped=lambda: False)
    found = [one["message"] for one in load(tmp_path, "failures.json")]
    assert found == ["first", "it is shorter now"]


def test_images_without_an_id_and_classes_without_a_category_are_left_out(tmp_path, journal):
    few = Categories({1: 18}, ())
    assert write(tmp_path, journal, ANSWERED, [4, 5, None], categories=few) == 2
    (one,) = load(tmp_path, "coco_results.json")
    assert (one["image_id"], one["category_id"]) == (4, 18)


def test_stopping_leaves_the_files_of_before(tmp_path, journal):
    write(tmp_path, journal, ["a.jpg"], [1])
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    asked = iter([False, True])
    with pytest.raises(Stopped):
        write(tmp_path, journal, ANSWERED, [4, 5, 6], stopped=lambda: next(asked))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
