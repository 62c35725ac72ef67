import os

import pytest

from client.answers.files import file_source, fingerprint
from client.errors import ClientError


def test_a_file_is_read_when_its_turn_comes(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"first")
    source = file_source(file, "a.jpg")
    assert source.name == "a.jpg"
    assert file_source(file).name == str(file)
    file.write_bytes(b"other")
    assert source.load() == b"other"


def test_fingerprints_differ_when_files_have_changed(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"first")
    found = [fingerprint(file)]
    os.utime(file, ns=(0, 1))
    found.append(fingerprint(file))
    file.write_bytes(b"longer than that")
    os.utime(file, ns=(0, 1))
    found.append(fingerprint(file))
    assert len(set(found)) == 3
    assert fingerprint(file) == found[-1]


@pytest.mark.parametrize("name", ["gone.jpg", "a\0.jpg"])
def test_a_file_that_is_not_there_is_said_when_its_turn_comes(tmp_path, name):
    source = file_source(tmp_path / name)
    assert source.fingerprint == ""
    with pytest.raises(ClientError, match="cannot be read"):
        source.load()
