import shutil
import zipfile
from pathlib import Path

import pytest

from client.models.archive import digest_file_of, identify, verify
from client.models.errors import ArchiveRefused
from torture.variants import make_variant


@pytest.fixture
def whole(coins, tmp_path):
    return make_variant(coins, tmp_path / "whole.mar", "7.1")


def test_a_whole_archive_says_what_it_is(whole):
    found = verify(whole)
    assert (found.model, found.version) == ("coins", "7.1")
    assert digest_file_of(whole).read_text() == f"{found.sha256}  whole.mar\n"
    assert str(found) == "coins 7.1"


def test_what_export_writes_verifies(coins):
    assert verify(coins).model == "coins"


def rewrite(path: Path, changes: dict[str, bytes | None]) -> None:
    """Other contents under digests that stay."""
    with zipfile.ZipFile(path) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w") as target:
        for name, content in {**contents, **changes}.items():
            if content is not None:
                target.writestr(name, content)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("with_digest", [True, False], ids=["with .sha256", "without .sha256"])
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        pytest.param(flip_a_bit, "damaged|does not verify", id="one bit"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:-9000]), "damaged", id="cut off"
        ),
        pytest.param(lambda path: path.write_bytes(b""), "damaged", id="empty"),
        pytest.param(lambda path: path.write_bytes(b"<html>"), "damaged", id="a web page"),
        pytest.param(
            lambda path: rewrite(path, {"config.yaml": b"MODEL: {}"}),
            "changed or missing since its export: config.yaml",
            id="changed inside",
        ),
        pytest.param(
            lambda path: rewrite(path, {"model.safetensors": None}),
            r"changed or missing since its export: model\.safetensors",
            id="missing inside",
        ),
        pytest.param(
            lambda path: rewrite(path, {"torch.py": b"import os"}),
            r"added since its export: torch\.py",
            id="added inside",
        ),
        pytest.param(
            lambda path: rewrite(path, {"metadata.json": None}),
            r"no metadata\.json, so it is not an archive of `python -m export`",
            id="not ours",
        ),
        pytest.param(lambda path: path.unlink(), "cannot be read", id="not there"),
    ],
)
def test_refuses_what_was_not_exported(damage, sentence, with_digest, whole):
    damage(whole)
    if not with_digest:
        digest_file_of(whole).unlink()
    with pytest.raises(ArchiveRefused, match=sentence):
        verify(whole)


def test_refuses_an_archive_beside_anothers_digest(whole):
    digest_file_of(whole).write_text("abc  whole.mar\n")
    with pytest.raises(
        ArchiveRefused, match=r"its sha256 is \w{64}, and whole.mar.sha256 says abc"
    ):
        verify(whole)


def test_an_archive_without_a_digest_beside_it_has_those_inside(whole):
    digest_file_of(whole).unlink()
    assert verify(whole).version == "7.1"


def test_torchserves_settings_are_the_owners_to_change(whole):
    rewrite(whole, {"model-config.yaml": b"minWorkers: 2\nmaxWorkers: 2\n"})
    digest_file_of(whole).unlink()
    assert verify(whole).version == "7.1"


@pytest.mark.parametrize("version", ["all", "1/2", "../1", "", ".1", "1 0"])
def test_refuses_versions_that_cannot_be_asked_for(version, coins, tmp_path):
    path = make_variant(coins, tmp_path / "odd.mar", version)
    with pytest.raises(ArchiveRefused, match=f'its version is "{version}", where letters'):
        verify(path)


def test_identifies_an_archive_by_its_manifest(whole, tmp_path):
    shutil.copy(whole, tmp_path / "pets-9.mar")
    assert identify(tmp_path / "pets-9.mar") == ("coins", "7.1")
