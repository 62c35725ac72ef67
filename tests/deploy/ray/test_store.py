"""Stores as a cluster reads them: folders, and what fsspec opens."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.models.errors import ArchiveRefused
from deploy.ray.store import Pinned, list_archives, look_at, open_archive, settings_of


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def folder(store: Path, tmp_path: Path) -> Path:
    """A store with tiny.mar, its digest, and what is no archive."""
    made = tmp_path / "store"
    made.mkdir()
    for file in store.glob("tiny.mar*"):
        shutil.copy(file, made)
    (made / "notes.txt").write_text("no archive")
    shutil.copy(made / "tiny.mar", made / ".tiny@0.9.mar")
    return made


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    """The same over HTTP."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["folder", "url"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_a_store_lists_its_archives(place):
    assert list_archives(place) == [f"{place}/tiny.mar"]


def test_an_archive_is_opened_once(place, tmp_path):
    archive = look_at(f"{place}/tiny.mar")
    assert (archive.model, archive.version) == ("tiny", "1.0")
    assert settings_of(f"{place}/tiny.mar")["batchSize"] == 1
    pinned = Pinned(f"{place}/tiny.mar", archive.sha256)
    opened = open_archive(pinned, tmp_path / "cache")
    assert (opened / "model.safetensors").is_file()
    before = opened.stat().st_mtime_ns
    assert open_archive(pinned, tmp_path / "cache") == opened
    assert opened.stat().st_mtime_ns == before
    assert [one.name for one in (tmp_path / "cache").iterdir()] == [archive.sha256]


def test_many_open_it_at_once(folder, tmp_path):
    pinned = Pinned(str(folder / "tiny.mar"), look_at(str(folder / "tiny.mar")).sha256)
    opened: list[Path] = []
    threads = [
        threading.Thread(target=lambda: opened.append(open_archive(pinned, tmp_path / "cache")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6
    assert len({*opened, *(tmp_path / "cache").iterdir()}) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("gone.mar", "cannot be read", id="not there"),
        pytest.param("notes.txt", "is damaged, or not an archive", id="no archive"),
    ],
)
def test_what_is_no_archive_is_refused(name, said, place):
    with pytest.raises(ArchiveRefused, match=said):
        look_at(f"{place}/{name}")


def test_another_file_under_the_same_name_is_refused(folder, tmp_path):
    with pytest.raises(ArchiveRefused, match=f"and {'0' * 64} is expected"):
        open_archive(Pinned(str(folder / "tiny.mar"), "0" * 64), tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_damaged_archive_is_refused(folder, place, tmp_path):
    pinned = Pinned(f"{place}/tiny.mar", look_at(f"{place}/tiny.mar").sha256)
    content = bytearray((folder / "tiny.mar").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "tiny.mar").write_bytes(content)
    with pytest.raises(ArchiveRefused, match=f"^{place}/tiny.mar is damaged: "):
        open_archive(pinned, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_folder_that_others_can_write_is_not_opened_in(folder, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    with pytest.raises(ArchiveRefused, match=r"only user \d+ may write there"):
        open_archive(Pinned(str(folder / "tiny.mar"), "0" * 64), tmp_path / "cache")


@pytest.mark.parametrize("name", ["metadata.json", "handler/detector.py", "model.safetensors"])
def test_an_opened_archive_that_is_damaged_is_opened_anew(name, folder, tmp_path):
    pinned = Pinned(str(folder / "tiny.mar"), look_at(str(folder / "tiny.mar")).sha256)
    opened = open_archive(pinned, tmp_path / "cache")
    before = (opened / name).read_bytes()
    (opened / name).write_bytes(before[: len(before) // 2])
    assert open_archive(pinned, tmp_path / "cache") == opened
    assert (opened / name).read_bytes() == before
    (opened / name).unlink()
    open_archive(pinned, tmp_path / "cache")
    assert (opened / name).read_bytes() == before
    assert [one.name for one in (tmp_path / "cache").iterdir()] == [pinned.sha256]


@pytest.mark.parametrize("store", ["/no/such/folder", "nothing://models", "http://127.0.0.1:9/"])
def test_a_store_that_cannot_be_read_is_a_sentence(store):
    with pytest.raises(ArchiveRefused, match=f"The store {store} cannot be read: "):
        list_archives(store)
