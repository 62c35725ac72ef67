import contextlib
import io
import json

import pytest
from pycocotools.coco import COCO

from client.classes import ModelClass
from client.errors import ClientError
from client.predict.categories import Categories
from client.predictions import Predictions
from client.progress import ImageProgress
from deploy.ray.jobs.finishing import Lacking, categories_of, write_files
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.parts import Parts
from deploy.ray.jobs.record import Asked, Run
from deploy.ray.jobs.rows import Answered, Unread
from deploy.ray.jobs.running import Stopped
from handler.formats.native import encode_native
from tests.handler.formats.answers import instances

CATEGORIES = Categories(
    {0: 17, 2: 2}, tuple({"id": id_, "name": f"class {id_}"} for id_ in (2, 17))
)
ASKED = Asked({"model": "pets", "version": "2.1", "sha256": ""}, {}, {}, 1, False)
RUN = Run(ASKED, "t0", images=5, images_per_part=3, text_ids=False)
COUNTS = (3, 0, 5, 2)  # instances of the images with an answer; the fifth has none


def document(count: int):
    return json.loads(encode_native(instances(count, masks=True)))


def image(index: int) -> Listed:
    return Listed(10 - index, f"/data/{index}.jpg", f"sub/{index}.jpg")


@pytest.fixture
def parts(storage) -> Parts:
    """A job of five images in two parts."""
    parts = Parts(storage, int, "t0")
    answered = [Answered(i, image(i), document(count)) for i, count in enumerate(COUNTS)]
    parts.commit(0, answered[:3], [])
    parts.commit(1, answered[3:], [Unread(4, image(4), "UndecodableImage", "None.", False)])
    return parts


def write(storage, parts, stopped=lambda: False):
    progress = ImageProgress(None, stream=io.StringIO())
    return write_files(storage, RUN, parts, CATEGORIES, progress=progress, stopped=stopped)


def test_results_are_those_of_the_client_in_the_order_of_the_list(storage, parts):
    totals = write(storage, parts)
    expected = [
        one
        for index, count in enumerate(COUNTS)
        for one in Predictions.from_native(document(count)).to_coco(10 - index, CATEGORIES.ids)
    ]
    assert json.loads(storage.read("coco_results.json")) == expected
    assert (totals.answered, dict(totals.failures)) == (4, {"UndecodableImage": 1})
    assert totals.may_pass == 0
    assert sum(totals.detections.values()) == 10
    assert totals.left_out == 10 - len(expected) > 0
    before = storage.read("coco_results.json"), storage.read("images.json")
    write(storage, parts)
    assert (storage.read("coco_results.json"), storage.read("images.json")) == before


def test_pycocotools_reads_both_files(tmp_path, storage, parts):
    write(storage, parts)
    for name in ("images.json", "coco_results.json"):
        (tmp_path / name).write_bytes(storage.read(name))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(tmp_path / "images.json")
        results = coco.loadRes(str(tmp_path / "coco_results.json"))
    assert coco.loadImgs([8]) == [{"id": 8, "file_name": "sub/2.jpg", "width": 30, "height": 20}]
    assert sorted(coco.getImgIds()) == [7, 8, 9, 10]
    assert [one["name"] for one in coco.loadCats([17, 2])] == ["class 17", "class 2"]
    assert len(results.getAnnIds(imgIds=[7])) == 1  # of two instances one has no category


def test_a_part_that_lacks_an_image_is_asked_about_again(storage, parts):
    parts.commit(0, [Answered(0, image(0), document(1)), Answered(2, image(2), document(1))], [])
    storage.write("results/part-000001-t0.parquet", b"half")
    with pytest.raises(Lacking, match=r"2 parts lacked images .* back: 0, 1\.") as caught:
        write(storage, parts)
    assert caught.value.parts == [0, 1]
    assert parts.done() == set()
    assert not storage.exists("coco_results.json")


def test_what_other_jobs_have_left_is_none_of_the_results(storage, parts):
    for name in ("part-000000-0ld", "part-000002-t0"):
        storage.write(f"results/{name}.parquet", b"")
        storage.write(f"unreadable/{name}.parquet", b"")
    assert write(storage, parts).answered == 4
    assert storage.names("results") == ["part-000000-t0.parquet", "part-000001-t0.parquet"]
    assert storage.names("unreadable") == ["part-000001-t0.parquet"]


def test_the_table_of_what_has_no_answer_becomes_what_the_results_say(storage, parts):
    before = storage.read("unreadable/part-000001-t0.parquet")
    storage.write("unreadable/part-000000-t0.parquet", before)
    storage.delete("unreadable/part-000001-t0.parquet")
    write(storage, parts)
    assert storage.names("unreadable") == ["part-000001-t0.parquet"]
    assert storage.read("unreadable/part-000001-t0.parquet") == before


def test_a_stop_leaves_no_half_file(storage, parts):
    with pytest.raises(Stopped):
        write(storage, parts, stopped=lambda: True)
    assert not storage.exists("coco_results.json")
    assert not storage.exists("images.json")


CLASSES = [ModelClass(0, "cat", 17), ModelClass(1, "dog", 18)]
NAMED = [
    pytest.param(CLASSES, [], {0: 17, 1: 18}, 0, id="ids of the training"),
    pytest.param([ModelClass(0, "cat")], [], {0: 0}, 1, id="no ids"),
    pytest.param(
        [ModelClass(0, "cat"), ModelClass(1, "dog")],
        [{"id": 4, "name": "dog"}, {"id": 9, "name": "Cat"}],
        {0: 9, 1: 4},
        0,
        id="names of the COCO file",
    ),
]


@pytest.mark.parametrize(("classes", "annotated", "ids", "notes"), NAMED)
def test_categories(classes, annotated, ids, notes):
    run = Run(ASKED, "t0", 1, 1, text_ids=False, categories=annotated)
    found = categories_of(classes, run)
    assert found.ids == ids
    assert len(found.notes) == notes
    assert "--annotations" not in "".join(found.notes)


def test_categories_that_do_not_fit_are_refused():
    run = Run(ASKED, "t0", 1, 1, text_ids=False, categories=[{"id": 4, "name": "bird"}])
    with pytest.raises(ClientError, match="No class of the model"):
        categories_of(CLASSES, run)
