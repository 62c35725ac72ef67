"""Pictures of an earlier answer do not stay where there is another one, or none."""

import json
import os
import shutil

import pytest

from tests.client.conftest import NATIVE
from tests.client.predict.conftest import load
from tests.client.proxy import Reply, digest
from tests.images import noise_bgr, png

FOUND = {"class_id": 0, "class_name": "cat", "score": 0.9, "box": [2, 2, 20, 20]}
ANSWER = {**NATIVE, "image": {"width": 32, "height": 32}, "predictions": [FOUND]}
REFUSAL = Reply(400, b'{"code": 400, "type": "UndecodableImage", "message": "It is none."}')
WORDS = ("images", "--output", "out", "--patience", "0")


class Killed(BaseException):
    """Nothing of ours is done after it."""


@pytest.fixture
def place(tmp_path, stand_in, anywhere):
    """Two images that are answered and drawn."""
    (tmp_path / "images").mkdir()
    for number in range(2):
        change(tmp_path, number)
    stand_in.instead = lambda asked: Reply(200, json.dumps(ANSWER).encode())
    assert anywhere(*WORDS).code == 0
    assert pictures(tmp_path) == ["0.png", "1.png"]
    return tmp_path


def change(place, number: int, seed: int = 0) -> None:
    (place / "images" / f"{number}.png").write_bytes(png(noise_bgr(32, 32, 10 * seed + number)))


def pictures(place) -> list[str]:
    return sorted(file.name for file in (place / "out").glob("*.png"))


def refuse(stand_in, place, number: int, reply: Reply = REFUSAL) -> None:
    bad, answers = digest((place / "images" / f"{number}.png").read_bytes()), stand_in.instead
    stand_in.instead = lambda asked: reply if asked.digest == bad else answers(asked)


GONE = Reply(500, b'{"code": 500, "type": "InternalError", "message": "A bug."}')


@pytest.mark.parametrize("reply", [REFUSAL, GONE], ids=["for good", "this time"])
@pytest.mark.parametrize("more", [[], ["--no-pictures"]], ids=["drawing", "not drawing"])
def test_an_image_that_has_changed_and_fails(place, anywhere, stand_in, reply, more):
    change(place, 0, seed=1)
    refuse(stand_in, place, 0, reply)
    assert anywhere(*WORDS, *more).code == 1
    assert pictures(place) == ["1.png"]
    assert [one["image"] for one in load(place / "out" / "failures.json")] == ["0.png"]


def test_a_file_that_came_from_elsewhere_beside_a_failure(place, anywhere, stand_in):
    change(place, 0, seed=1)
    refuse(stand_in, place, 0)
    anywhere(*WORDS)
    shutil.copy(place / "out" / "1.png", place / "out" / "0.png")
    asked = len(stand_in.asked)
    assert anywhere(*WORDS).code == 1
    assert len(stand_in.asked) == asked
    assert pictures(place) == ["1.png"]


def test_a_run_that_is_killed_between_an_answer_and_its_picture(place, anywhere, monkeypatch):
    before = (place / "out" / "0.png").read_bytes()
    change(place, 0, seed=1)

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("client.predict.images.draw_file", killed)
        with pytest.raises(Killed):
            anywhere(*WORDS)
    said = anywhere(*WORDS)
    assert (said.code, "2 answers of an earlier run" in said.out) == (0, True)
    assert (place / "out" / "0.png").read_bytes() != before


def test_what_was_answered_anew_without_pictures_is_drawn_when_they_are_wanted(place, anywhere):
    before = (place / "out" / "0.png").read_bytes()
    change(place, 0, seed=1)
    assert anywhere(*WORDS, "--no-pictures").code == 0
    assert pictures(place) == ["1.png"]
    assert anywhere(*WORDS).code == 0
    assert pictures(place) == ["0.png", "1.png"]
    assert (place / "out" / "0.png").read_bytes() != before


def test_a_picture_that_cannot_be_removed_is_said(place, anywhere, stand_in, monkeypatch):
    change(place, 0, seed=1)
    refuse(stand_in, place, 0)

    def unlink(path, *, missing_ok=False):
        if path.suffix == ".png" and not path.name.startswith("."):
            raise PermissionError(13, "Permission denied")
        os.unlink(path)  # noqa: PTH108

    monkeypatch.setattr("pathlib.Path.unlink", unlink)
    said = anywhere(*WORDS)
    assert said.code == 1
    assert "0.png: out/0.png is of an earlier answer, and stays: [Errno 13]" in said.err


def test_a_folder_that_is_called_as_a_picture_is_left_alone(place, anywhere, stand_in):
    (place / "out" / "0.png").unlink()
    (place / "out" / "0.png" / "kept").mkdir(parents=True)
    change(place, 0, seed=1)
    refuse(stand_in, place, 0)
    assert anywhere(*WORDS).code == 1
    assert (place / "out" / "0.png" / "kept").is_dir()


@pytest.mark.parametrize("more", [[], ["--no-pictures"]], ids=["drawing", "not drawing"])
def test_files_in_a_folder_where_no_run_was_are_of_somebody_else(
    place, anywhere, stand_in, tmp_path, more
):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "0.png").write_bytes(b"of somebody else")
    refuse(stand_in, place, 0)
    assert anywhere("images", "--output", "new", "--patience", "0", *more).code == 1
    assert (tmp_path / "new" / "0.png").read_bytes() == b"of somebody else"
