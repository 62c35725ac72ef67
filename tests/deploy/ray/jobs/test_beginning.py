from dataclasses import replace
from pathlib import Path

import pytest

from client.errors import ClientError
from client.models.errors import ArchiveRefused
from deploy.ray.jobs.beginning import begin, look
from deploy.ray.jobs.listing import read_part
from deploy.ray.jobs.record import read_run
from deploy.ray.jobs.running import Stopped
from deploy.ray.jobs.storage import Storage
from deploy.ray.jobs.task import Task


@pytest.fixture
def task(store: Path, images: Path, tmp_path: Path) -> Task:
    return Task(input=str(images), archive=str(store / "tiny.mar"), output=str(tmp_path / "out"))


def begun(task: Task, storage: Storage, stopped=lambda: False):
    _, asked, source = look(task)
    return begin(storage, task, asked, source, stopped)


def test_what_is_asked_for(task, store, images):
    pinned, asked, source = look(task)
    assert pinned.url == str(store / "tiny.mar")
    assert pinned.sha256 == asked.archive["sha256"]
    assert (asked.archive["model"], asked.archive["version"]) == ("tiny", "1.0")
    assert (source.kind, source.url) == ("folder", str(images))


def test_a_job_has_begun_when_its_images_are_listed(task, storage):
    run = begun(task, storage)
    assert (run.images, run.images_per_part, run.text_ids) == (6, 8, False)
    assert read_run(storage, look(task)[1]) == run
    assert [one.name for one in read_part(storage, run.token, 0)][-1] == "sub/4.png"


def test_what_a_job_without_results_has_left_is_none_of_the_next(task, storage):
    for name in ("results/part-000007-0ld.parquet", "unreadable/part-000007-0ld.parquet"):
        storage.write(name, b"")
    storage.write("results/of-somebody-else.parquet", b"")
    begun(task, storage)
    assert storage.names("results") == ["of-somebody-else.parquet"]
    assert storage.names("unreadable") == []


def test_the_list_of_one_job_is_never_beside_the_record_of_another(task, images, storage, tmp_path):
    """A job stopped before its first part; a mistyped command; then the first one once more."""
    begun(task, storage)
    _, asked, _ = look(task)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.png").symlink_to("gone")
    with pytest.raises(ClientError, match="none can be read"):
        begun(replace(task, input=str(tmp_path / "other")), storage)
    assert storage.names("inputs") != []
    assert read_run(storage, asked) is None
    run = begun(task, storage)
    assert (run.images, read_run(storage, asked)) == (6, run)


def test_a_stop_while_images_are_listed(task, storage):
    with pytest.raises(Stopped):
        begun(task, storage, stopped=lambda: True)
    assert not storage.exists("run.json")


def test_a_wrong_folder_is_found_out_before_anything_is_asked(tmp_path, task, storage):
    (tmp_path / "coco.json").write_text('{"images": [{"id": 1, "file_name": "0.png"}]}')
    wrong = Task(str(tmp_path / "coco.json"), task.archive, task.output)
    with pytest.raises(ClientError, match=r"Of the first 1 image none can be .*--images says"):
        begun(wrong, storage)
    assert not storage.exists("run.json")
    right = Task(wrong.input, task.archive, task.output, images=task.input)
    assert begun(right, storage).images == 1


def test_some_of_the_first_images_may_be_missing(images, task, storage):
    for name in ("0.png", "1.png", "2.png"):
        (images / name).rename(images / f"{name}.txt")
        (images / name).symlink_to("gone")
    assert begun(task, storage).images == 6


def test_an_archive_that_is_none(images, task):
    with pytest.raises(ArchiveRefused, match="is damaged, or not an archive"):
        look(Task(task.input, str(images / "0.png"), task.output))
