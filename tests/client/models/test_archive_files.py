"""No digest is in any moment beside an archive that it is not of."""

import errno
from pathlib import Path

import pytest

from client.models import archive_files
from client.models.archive import digest_file_of, verify
from client.models.archive_files import (
    copy_archive,
    delete_archive,
    digest_for,
    digest_text,
    put_archive,
)


def full(*arguments: object, **named: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def stale(place: Path) -> None:
    """A digest that something else left there."""
    digest_file_of(place).write_text(f"{'0' * 64}  {place.name}\n")


def test_a_copy_has_its_own_digest_beside_it(archive, tmp_path):
    given, place = archive("1.0"), tmp_path / "copy.mar"
    stale(place)
    copy_archive(given, place)
    assert verify(place).sha256 == given.sha256
    assert digest_text(place) == f"{given.sha256}  copy.mar\n"


def test_a_copy_whose_digest_cannot_be_written_has_none(archive, tmp_path, monkeypatch):
    place = tmp_path / "copy.mar"
    stale(place)
    monkeypatch.setattr(archive_files, "write", full)
    with pytest.raises(OSError, match="No space left"):
        copy_archive(archive("1.0"), place)
    assert verify(place).version == "1.0"
    assert digest_text(place) is None


def test_an_exchange_that_stops_midway_leaves_no_digest_of_another(archive, tmp_path, monkeypatch):
    place, staged = tmp_path / "coins.mar", tmp_path / "staged"
    copy_archive(archive("1.0"), place)
    staged.write_bytes(archive("2.0").path.read_bytes())
    digest = digest_for(archive("2.0").path, place)
    monkeypatch.setattr(archive_files, "write", full)
    with pytest.raises(OSError, match="No space left"):
        put_archive(staged, place, digest)
    assert verify(place).version == "2.0"
    monkeypatch.undo()
    put_archive(None, place, digest)
    assert digest_text(place) == digest
    put_archive(None, place, None)
    assert digest_text(place) is None
    assert verify(place).version == "2.0"


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param(None, id="none"),
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="blank"),
        pytest.param(b"\xff\xfe", id="no text"),
    ],
)
def test_where_no_digest_is_beside_an_archive_none_is_said_of_its_copy(beside, archive, tmp_path):
    given = archive("1.0").path
    digest_file_of(given).unlink()
    if beside is not None:
        digest_file_of(given).write_bytes(beside)
    assert digest_for(given, tmp_path / "copy.mar") is None


@pytest.mark.parametrize("suffixes", [(".mar", ".mar.sha256"), (".mar",), (".mar.sha256",), ()])
def test_deleting_takes_both_of_them_that_are_there(suffixes, tmp_path):
    for suffix in suffixes:
        (tmp_path / f"coins{suffix}").touch()
    delete_archive(tmp_path / "coins.mar")
    assert list(tmp_path.iterdir()) == []
