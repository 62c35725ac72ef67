import errno
import os
from pathlib import Path

import pytest

from client.models import files
from client.models.errors import StoreError
from client.models.files import copy, digest_of, in_sentences, is_copy, write


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


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda one, other: None, False, id="not there"),
        pytest.param(lambda one, other: other.hardlink_to(one), False, id="the same file"),
        pytest.param(lambda one, other: other.write_bytes(b"another"), False, id="as long"),
        pytest.param(copy, True, id="a copy"),
    ],
)
def test_a_copy_is_another_file_with_the_same_content(make, said, source, tmp_path):
    make(source, tmp_path / "other")
    assert is_copy(source, tmp_path / "other") is said
    assert is_copy(tmp_path / "other", source) is said
