import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from client.predictions import Predictions
from deploy.ray.jobs import worker as worker_module
from deploy.ray.jobs.attempts import Attempts
from deploy.ray.jobs.inputs.opening import open_input
from deploy.ray.jobs.listing import read_part, write_list
from deploy.ray.jobs.parts import Parts
from deploy.ray.jobs.pictures import FORMAT, register
from deploy.ray.jobs.rows import predictions_of
from deploy.ray.jobs.storage import Fault, Storage
from deploy.ray.jobs.worker import Work, Worker
from deploy.ray.store import Pinned
from handler.formats.registry import FORMATS
from handler.request import Row
from tests.images import png

WORK = Work(
    run="run",
    job="t0",
    archive=Pinned("", ""),
    name="tiny",
    version="1.0",
    output="",
    images=None,
    text_ids=False,
    readable=0,
    images_per_part=4,
    options={},
    batch=1,
    pictures=False,
    device="cpu",
)


@pytest.fixture
def begun(images: Path, storage: Storage) -> Storage:
    """A job of six images in two parts, listed and not begun."""
    storage.write("run.json", b'{"token": "t0"}')
    write_list(storage, "t0", open_input(str(images)).listed(), images_per_part=4)
    return storage


class Site:
    """A worker with the model of the tests, as this process has its handler already."""

    def __init__(self, storage: Storage, detector, **changes: object) -> None:
        self.worker = Worker(replace(WORK, output=storage.url, **changes))
        self.worker._detector = detector
        self.parts = Parts(storage, int, "t0")

    def __call__(self, part: int, *, again: bool = False) -> dict:
        row = self.worker({"part": np.array([part]), "again": np.array([again])})
        return {key: value for key, (value,) in row.items()}

    def names(self, part: int) -> tuple[list[str], dict[str, str]]:
        """Images with an answer, and types of errors by those without one."""
        results, unread = self.parts.read(part)
        return (
            [row["file_name"] for row in results],
            {row["file_name"]: row["type"] for row in unread},
        )


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


def test_an_image_that_workers_die_at_is_left_out(begun, detector):
    attempts = Attempts(begun, "run")
    for _ in range(2):
        attempts.ask(0, attempts.begin(0), [2])  # and dies
    site = Site(begun, detector)
    assert site(0)["unread"] == 1
    assert site.names(0) == (["0.png", "1.png", "3.png"], {"2.png": "WorkerDied"})
    assert begun.names(".attempts") == []
    assert site(0, again=True)["unread"] == 0
    assert site.names(0) == (["0.png", "1.png", "2.png", "3.png"], {})


class Died(BaseException):
    pass


def test_a_part_that_is_done_is_not_asked_about(begun, detector, monkeypatch):
    site = Site(begun, detector)
    site(1)
    before = begun.read("results/part-000001-t0.parquet")
    monkeypatch.setattr(type(detector), "answer", None)
    done = site(1)
    assert (done["images"], done["unread"], done["refused"]) == (2, 1, "")
    assert begun.read("results/part-000001-t0.parquet") == before


def test_a_late_worker_of_a_job_that_was_given_up_writes_nothing(begun, detector):
    begun.write("run.json", b'{"token": "t1"}')
    refused = Site(begun, detector)(0)["refused"]
    assert refused == f"{begun.url} belongs to another job since this one has begun."
    assert begun.names("results") == begun.names("unreadable") == []


def test_after_a_death_images_are_asked_about_alone(begun, detector, monkeypatch):
    """Dies at the image of index 1 whenever it is among those that are asked about."""
    site = Site(begun, detector)
    sizes, original = [], type(detector).answer
    deadly = Path(read_part(begun, "t0", 0)[1].path).read_bytes()

    def answer(self, rows):
        sizes.append(len(rows))
        if any(row.fields["data"] == deadly for row in rows):
            raise Died
        return original(self, rows)

    monkeypatch.setattr(type(detector), "answer", answer)
    for _ in range(3):
        with pytest.raises(Died):
            site(0)
    assert site(0)["unread"] == 1
    assert sizes == [4, *(1, 1), *(1, 1), *(1, 1, 1)]
    assert site.names(0) == (["0.png", "2.png", "3.png"], {"1.png": "WorkerDied"})


@pytest.fixture
def ends(monkeypatch) -> None:
    """A process that would end says so."""

    def kill(*_: object) -> None:
        raise Died

    monkeypatch.setattr(worker_module.os, "kill", kill)


def faults(detector, monkeypatch) -> None:
    """Make the model fail of every image, as after an error of CUDA."""

    def predict(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(type(detector._model), "predict", predict)


def test_a_sick_worker_gives_its_part_back_and_ends(begun, detector, monkeypatch, ends):
    faults(detector, monkeypatch)
    for _ in range(2):
        with pytest.raises(Died):
            Site(begun, detector)(0)
        assert begun.names("results") == begun.names("unreadable") == []
        assert begun.names(".attempts") == ["worker-alone.json"]  # no image is to blame
    refused = Site(begun, detector)(0)["refused"]
    assert re.match(r"A worker was started 3 times and cannot work: \w+: ", refused)


def test_a_worker_that_is_well_again_starts_to_count_anew(begun, detector, monkeypatch, ends):
    for _ in range(4):
        with monkeypatch.context() as broken:
            faults(detector, broken)
            with pytest.raises(Died):
                Site(begun, detector)(0)
        site = Site(begun, detector)
        assert site(1)["refused"] == ""
        begun.delete("results/part-000001-t0.parquet")


def test_images_that_fail_all_are_rows_where_another_one_is_answered(
    begun, detector, images, monkeypatch, ends
):
    for number in range(4):
        (images / f"{number}.png").write_bytes(b"faulty")
    original = type(detector).answer

    def answer(self, rows):
        found = original(self, rows)
        return [
            replace(one, status=500) if row.fields["data"] == b"faulty" else one
            for row, one in zip(rows, found, strict=True)
        ]

    monkeypatch.setattr(type(detector), "answer", answer)
    site = Site(begun, detector)
    assert site(0)["unread"] == 4
    assert [row["may_pass"] for row in site.parts.read(0).unread] == [True] * 4


def test_storage_that_is_gone_from_a_node(begun, detector, images, tmp_path, ends):
    images.rename(tmp_path / "away")
    images.mkdir()  # as the folder that nothing is mounted on
    for _ in range(2):
        with pytest.raises(Died):
            Site(begun, detector)(0)
    refused = Site(begun, detector)(0)["refused"]
    assert "cannot work: on " in refused
    assert f"{images}/0.png cannot be read: [Errno 2]" in refused
    assert begun.names("results") == []


def test_files_that_are_missing_are_rows_where_others_are_there(begun, detector, images, ends):
    for name in ("bad.jpg", "sub/4.png"):
        (images / name).unlink()
    site = Site(begun, detector)
    assert site(1)["unread"] == 2


def test_a_worker_that_dies_of_its_model_is_not_started_for_ever(begun, detector, monkeypatch):
    monkeypatch.setattr(worker_module, "open_archive", lambda _: None)

    def load(*_: object, **__: object) -> None:
        raise Died

    monkeypatch.setattr(worker_module, "load_detector", load)
    for _ in range(3):
        with pytest.raises(Died):
            Site(begun, None)(0)
    assert "A worker died 3 times while it loaded the model" in Site(begun, None)(0)["refused"]


def test_a_node_without_the_folder_of_images_ends_the_job(begun, tmp_path):
    worker = Worker(replace(WORK, output=begun.url, images=str(tmp_path / "gone")))
    row = worker({"part": np.array([0]), "again": np.array([False])})
    assert row["refused"] == [f"A node of the cluster has no folder {tmp_path}/gone."]
    assert Parts(begun, int, "t0").done() == set()


def test_a_full_disk_ends_the_job(begun, detector, monkeypatch):
    site = Site(begun, detector)

    def write(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    monkeypatch.setattr(type(begun._filesystem), "pipe_file", write, raising=False)
    refused = site(0)["refused"]
    assert "cannot be written: [Errno 28] No space left on device." in refused


@pytest.mark.parametrize("faults", [1, 2, 3])
def test_storage_that_is_away_for_minutes(begun, detector, monkeypatch, faults):
    site, pauses, original = Site(begun, detector), [], Parts.commit
    left = [Fault("out/results/part-0 cannot be written: Stale file handle.")] * faults

    def commit(self, *arguments, **named):
        if left:
            raise left.pop()
        original(self, *arguments, **named)

    monkeypatch.setattr(Parts, "commit", commit)
    monkeypatch.setattr(worker_module.time, "sleep", pauses.append)
    refused = site(0)["refused"]
    assert refused == (
        "" if faults < 3 else "out/results/part-0 cannot be written: Stale file handle."
    )
    assert pauses == [60.0, 300.0][:faults]
    assert (0 in site.parts.done()) == (faults < 3)


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
