import contextlib

import cv2
import pytest

from client.errors import ClientError
from client.predict.attempt import Attempt
from client.writing import replacing_text


class Other(Exception):
    """Of somebody else."""


@contextlib.contextmanager
def parts(path, error=None):
    with replacing_text(path) as file:

        def write(text):
            if error is not None and text == "b":
                raise error
            file.write(text)

        yield write


def write(path, error=None, *, body=None) -> Attempt:
    with Attempt(parts(path, error)) as attempt:
        for part in "abc":
            attempt.write(part)
        if body is not None:
            raise body
    return attempt


def test_what_nothing_is_in_the_way_of(tmp_path):
    path = tmp_path / "new" / "a.txt"
    assert write(path).problem is None
    assert path.read_text() == "abc"


PROBLEMS = [
    pytest.param(ClientError("It has another size."), "It has another size.", id="sentence"),
    pytest.param(OSError(28, "No space left"), "a.txt cannot be written: [Errno 28]", id="disk"),
    pytest.param(cv2.error("OpenCV says no"), "OpenCV says no", id="OpenCV"),
]


@pytest.mark.parametrize(("error", "sentence"), PROBLEMS)
def test_what_is_in_the_way_is_kept_and_the_file_as_it_was(tmp_path, error, sentence):
    path = tmp_path / "a.txt"
    path.write_text("before")
    assert sentence in write(path, error).problem
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_no_place_for_it(tmp_path):
    (tmp_path / "file").touch()
    assert "a.txt cannot be written" in write(tmp_path / "file" / "a.txt").problem


@pytest.mark.parametrize("body", [Other("x"), ClientError("y"), OSError(5, "z")], ids=repr)
def test_what_fails_beside_it_is_raised(tmp_path, body):
    with pytest.raises(type(body)) as caught:
        write(tmp_path / "a.txt", body=body)
    assert caught.value is body
    assert list(tmp_path.iterdir()) == []
