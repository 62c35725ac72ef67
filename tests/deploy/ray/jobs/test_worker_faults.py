"""What ends a worker, what it outlives, and what it leaves behind."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deploy.ray.jobs import worker as worker_module
from deploy.ray.jobs.attempts import Attempts
from deploy.ray.jobs.listing import read_part
from deploy.ray.jobs.parts import Parts
from deploy.ray.jobs.storage import Fault
from deploy.ray.jobs.worker import Worker
from tests.deploy.ray.jobs.sites import WORK, Site


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
