import errno
import os
from pathlib import Path

import pytest

from client.models import files
from client.models.errors import StoreError
from client.models.files import copy, digest_of, exchange, in_sentences, link, write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def synced(monkeypatch) -> list[str]:
    """Names of the files and folders that were written through to the disk, in order."""
    names = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", note)
    return names


def test_a_copy_is_on_the_disk_before_it_has_its_name(source, synced, tmp_path):
    copy(source, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"
    assert synced == ["copy.copying", tmp_path.name]


def test_a_text_is_on_the_disk_before_it_has_its_name(synced, tmp_path):
    write(tmp_path / "text", "said")
    assert (tmp_path / "text").read_text() == "said"
    assert synced == ["text.writing", tmp_path.name]


def test_a_copy_that_is_not_what_was_verified_never_appears(source, tmp_path):
    digest = digest_of(source)
    source.write_bytes(b"changed since")
    with pytest.raises(StoreError, match=f"source was changed while .* its sha256 was {digest}"):
        copy(source, tmp_path / "copy", sha256=digest)
    assert list(tmp_path.iterdir()) == [source]


def test_a_disk_that_damages_what_it_is_given_is_noticed(source, tmp_path, monkeypatch):
    def garble(given, made, length) -> None:
        made.write(given.read().upper())

    monkeypatch.setattr(files.shutil, "copyfileobj", garble)
    with pytest.raises(StoreError, match="that of the copy is"):
        copy(source, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("act", [copy, lambda _, place: write(place, "x")], ids=["copy", "write"])
def test_a_full_disk_leaves_nothing_behind(act, source, tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot be changed: .*No space left"), in_sentences():
        act(source, tmp_path / "place")
    assert list(tmp_path.iterdir()) == [source]


def test_where_there_are_no_hard_links_there_is_a_copy(source, tmp_path, monkeypatch):
    def refuse(self, target) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    link(source, tmp_path / "copy")
    assert not (tmp_path / "copy").samefile(source)
    assert (tmp_path / "copy").read_bytes() == b"content"


def test_a_link_never_replaces(source, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(FileExistsError):
        link(source, tmp_path / "taken")


@pytest.mark.parametrize("there", [None, b"another"], ids=["free", "taken"])
def test_a_name_leads_to_another_file_and_that_keeps_its_own(there, source, tmp_path):
    place, temp = tmp_path / "place", tmp_path / "temp"
    if there:
        place.write_bytes(there)
    temp.touch()  # of a command that was killed
    exchange(source, place, temp)
    exchange(source, place, temp)
    assert place.samefile(source)
    assert sorted(tmp_path.iterdir()) == [place, source]
