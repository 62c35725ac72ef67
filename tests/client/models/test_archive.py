import shutil
import zipfile
from pathlib import Path

import pytest

from client.models.archive import digest_beside, digest_file_of, identify, verify
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
        pytest.param(
            lambda path: rewrite(path, {"metadata.json": b"{}"}),
            r"its metadata\.json names no files, so it is not one of `python -m export`",
            id="metadata of nothing",
        ),
        pytest.param(
            lambda path: rewrite(path, {"metadata.json": b"no JSON"}),
            r"its metadata\.json names no files",
            id="metadata that is none",
        ),
        pytest.param(
            lambda path: rewrite(path, {"MAR-INF/MANIFEST.json": b'{"model": []}'}),
            r'its MAR-INF/MANIFEST\.json gives no model a name; an object "model"',
            id="a manifest with a list",
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
        ArchiveRefused, match=r"its sha256 is \w{64}, and whole.mar.sha256 says \"abc "
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


HEX = "0123456789abcdef" * 4
OTHER = "f" * 64


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"{HEX}  a.mar\n".encode(), id="sha256sum"),
        pytest.param(f"{HEX} *a.mar\n".encode(), id="sha256sum, binary"),
        pytest.param(f"{HEX}".encode(), id="digits alone"),
        pytest.param(f"{HEX.upper()}  a.mar\n".encode(), id="capitals"),
        pytest.param(f"SHA256 (a.mar) = {HEX}\n".encode(), id="BSD"),
        pytest.param(f"SHA256(a.mar)= {HEX}\n".encode(), id="openssl 1"),
        pytest.param(f"SHA2-256(a.mar)= {HEX}\n".encode(), id="openssl 3"),
        pytest.param(f"{HEX}  a.mar\r\n".encode(), id="Windows' line end"),
        pytest.param(f"\n# made on Monday\n{HEX}  a.mar\n".encode(), id="comment"),
        pytest.param(f"{HEX}  a.mar\n".encode("utf-8-sig"), id="byte order mark"),
        pytest.param(f"{HEX}  a.mar\n".encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xfe\xff" + f"{HEX}  a.mar\n".encode("utf-16-be"), id="UTF-16, big end"),
        pytest.param(f"{HEX}  other.mar\n".encode(), id="another name"),
        pytest.param(f"\\{HEX}  a\\nb.mar\n".encode(), id="a name with an escape"),
        pytest.param(f"{OTHER}  b.mar\n{HEX}  x/a.mar\n".encode(), id="its line of two"),
        pytest.param(f"{HEX}  a.mar\n{HEX}  a.mar\n".encode(), id="the same twice"),
    ],
)
def test_reads_a_digest_in_every_usual_spelling(content, tmp_path):
    (tmp_path / "a.mar.sha256").write_bytes(content)
    assert digest_beside(tmp_path / "a.mar") == HEX


def test_no_file_is_no_digest(tmp_path):
    assert digest_beside(tmp_path / "a.mar") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "nothing", id="empty"),
        pytest.param(b" \n\n", "nothing", id="blank"),
        pytest.param(b"404: Not Found\n", '"404: Not Found"', id="a web page"),
        pytest.param(HEX[:-1].encode(), f'"{HEX[:40]}"', id="a digit short"),
        pytest.param(f"{HEX}{HEX}  a.mar".encode(), f'"{HEX[:40]}"', id="sha512"),
        pytest.param(f"{HEX}\n".encode("utf-16-le"), '"0', id="UTF-16 without its mark"),
        pytest.param(b"\xff\x00\xfd", '"', id="no text"),
        pytest.param(
            f"{HEX}  a.mar\n{OTHER}  a.mar\n".encode(),
            "2 digests, 2 of them of a.mar",
            id="two of it",
        ),
        pytest.param(
            f"{HEX}  b.mar\n{OTHER}  c.mar\n".encode(),
            "2 digests, none of them of a.mar",
            id="two of others",
        ),
        pytest.param(b"<html>\n</html>\n", '"<html>"', id="many lines"),
    ],
)
def test_a_digest_file_without_a_digest_is_named_with_what_it_says(content, said, tmp_path):
    (tmp_path / "a.mar.sha256").write_bytes(content)
    with pytest.raises(ArchiveRefused) as caught:
        digest_beside(tmp_path / "a.mar")
    assert str(caught.value).startswith(f"a.mar.sha256 says {said}")
    assert "; the 64 hexadecimal digits of one sha256 are expected, as sha256sum" in str(
        caught.value
    )
