"""Videos whose frames, answers or annotated video are not as they should be."""

import json
from pathlib import Path

import cv2
import pytest

from client.predict.videos import VideoReader
from tests.client.conftest import NATIVE
from tests.client.predict.conftest import load
from tests.client.proxy import Reply
from tests.images import noise_bgr, png

WORDS = ("0.png", "clip.avi", "--output", "out", "--patience", "0", "--workers", "1")
FRAMES = 6
RESULTS = {"coco_results.json", "failures.json", "images.json", "summary.json", "answers.jsonl"}


def answer(width: int, height: int) -> Reply:
    found = {"class_id": 0, "class_name": "cat", "score": 0.9, "box": [2, 2, 20, 20]}
    size = {"width": width, "height": height}
    return Reply(200, json.dumps({**NATIVE, "image": size, "predictions": [found]}).encode())


def make_video(path: Path, seed: int = 0) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 48))
    for number in range(FRAMES):
        writer.write(noise_bgr(48, 64, 100 * seed + number))
    writer.release()


@pytest.fixture
def place(tmp_path, stand_in) -> Path:
    (tmp_path / "0.png").write_bytes(png(noise_bgr(48, 64, 77)))
    make_video(tmp_path / "clip.avi")
    stand_in.instead = lambda asked: answer(64, 48)
    return tmp_path


def written(place: Path) -> set[str]:
    return {file.name for file in (place / "out").iterdir()}


def failures(place: Path) -> list[tuple[str, str]]:
    return [(one["image"], one["type"]) for one in load(place / "out" / "failures.json")]


def test_all_is_well(place, anywhere):
    assert anywhere(*WORDS).code == 0
    assert written(place) == RESULTS | {"0.png", "clip.mp4", "clip.frames.jsonl"}


def test_a_frame_that_is_answered_with_another_size(place, anywhere, stand_in):
    # A small image first, to see who answers; then the image, then the frames.
    stand_in.instead = lambda asked: answer(*((64, 48), (32, 24))[len(stand_in.asked) == 5])
    said = anywhere(*WORDS)
    assert said.code == 1
    assert failures(place) == [("clip.avi#2", "NoPicture")]
    assert (
        "clip.avi#2 is answered, but cannot be drawn on: The image has 64 x 48 pixels, the "
        "predictions are of one with 32 x 24." in said.err
    )
    assert written(place) == RESULTS | {"0.png", "clip.mp4", "clip.frames.jsonl"}
    with VideoReader(place / "out" / "clip.mp4") as reader:
        assert len(list(reader)) == FRAMES
    lines = (place / "out" / "clip.frames.jsonl").read_text().splitlines()
    assert [json.loads(line)["answer"]["image"]["width"] for line in lines][1:4] == [64, 32, 64]


IN_THE_WAY = [
    pytest.param("clip.mp4", "NoVideo", id="video"),
    pytest.param("clip.frames.jsonl", "NoFrameAnswers", id="answers"),
]


@pytest.mark.parametrize(("name", "kind"), IN_THE_WAY)
def test_a_file_that_cannot_be_written_ends_nothing_else(place, anywhere, name, kind):
    (place / "out" / name / "kept").mkdir(parents=True)
    said = anywhere(*WORDS)
    assert said.code == 1
    assert f"clip.avi: out/{name} cannot be written" in said.err
    assert failures(place) == [("clip.avi", kind)]
    assert written(place) == RESULTS | {"0.png", "clip.mp4", "clip.frames.jsonl"}
    assert len(load(place / "out" / "coco_results.json")) == 1
    assert f"answered {FRAMES + 1} of {FRAMES + 1} images" in said.out
    (place / "out" / name / "kept").rmdir()
    (place / "out" / name).rmdir()
    assert anywhere(*WORDS).code == 0
    assert (place / "out" / name).is_file()


def test_without_an_encoder_there_is_no_video_and_all_else(place, anywhere, monkeypatch):
    assert anywhere(*WORDS).code == 0
    monkeypatch.setattr("client.predict.videos._CODEC", "none")
    said = anywhere(*WORDS)
    assert said.code == 1
    assert "clip.avi: out/clip.mp4 cannot be written: OpenCV has no encoder" in said.err
    assert written(place) == RESULTS | {"0.png", "clip.frames.jsonl"}
    assert len(load(place / "out" / "coco_results.json")) == 1


@pytest.mark.parametrize("content", [b"", b"no video"], ids=["empty", "something else"])
def test_a_video_that_has_changed_into_none(place, anywhere, content):
    assert anywhere(*WORDS).code == 0
    (place / "clip.avi").write_bytes(content)
    assert anywhere(*WORDS).code == 1
    assert failures(place) == [("clip.avi", "UnreadableVideo")]
    assert written(place) == RESULTS | {"0.png"}


def test_the_video_of_earlier_answers_does_not_stay(place, anywhere):
    assert anywhere(*WORDS).code == 0
    assert anywhere(*WORDS, "--no-pictures").code == 0
    assert "clip.mp4" in written(place)  # no answer is another one
    make_video(place / "clip.avi", seed=1)
    assert anywhere(*WORDS, "--no-pictures").code == 0
    assert written(place) == RESULTS | {"0.png", "clip.frames.jsonl"}
