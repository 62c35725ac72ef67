"""`python -m client predict`, on a real server."""

import contextlib
import io
import json
import re
import shutil

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from client.__main__ import main as client_main
from client.predict.cli import build_parser, main
from client.predict.videos import VideoReader
from tests.client.predict.conftest import load
from tests.client.proxy import Reply, digest
from tests.images import noise_bgr, png
from tests.models import CLASSES

ANSWERED = ["0.png", "1.png", "2.png", "3.png", "sub/0.jpg"]


def written(folder) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def test_a_folder(command, photographs, tmp_path, proxy):
    said = command("photographs", "--output", "out", "--model", "tiny")
    out = tmp_path / "out"
    assert said.code == 1  # one of them is no image
    assert written(out) == sorted(
        [
            *ANSWERED,
            *("answers.jsonl", "coco_results.json", "failures.json", "images.json"),
            "summary.json",
        ]
    )
    for name in ANSWERED:
        before, after = (cv2.imread(str(folder / name)) for folder in (photographs, out))
        assert before.shape == after.shape
        assert (before != after).any()
    (failure,) = load(out / "failures.json")
    assert failure["image"] == "bad.jpg"
    assert failure["type"] == "UndecodableImage"
    assert said.err.strip().startswith("bad.jpg: 400 UndecodableImage: The 8 bytes received")
    images = load(out / "images.json")["images"]
    assert [(one["id"], one["file_name"]) for one in images] == [
        (1, "0.png"),
        (2, "1.png"),
        (3, "2.png"),
        (4, "3.png"),
        (6, "sub/0.jpg"),
    ]
    assert (images[4]["width"], images[4]["height"]) == (64, 96)
    summary = load(out / "summary.json")
    results = load(out / "coco_results.json")
    assert summary["detections"] == len(results) > 10
    assert {one["image_id"] for one in results} <= {1, 2, 3, 4, 6}
    assert sum(one["detections"] for one in summary["classes"]) == summary["detections"]
    assert said.out.startswith("tiny 1.0 answered 5 of 6 images.\n6 images in ")
    assert "Passed over in folders, neither images nor videos: 1 .txt." in said.out
    for stage in ("client", "decode", "model", "masks"):
        assert re.search(rf"^{stage} +(\d+\.\d +){{4}}\d+\.\d$", said.out, re.MULTILINE)
    # A small image first, to see who answers; then each once, of that version.
    assert [asked.path for asked in proxy.asked] == [
        "/predictions/tiny",
        *["/predictions/tiny/1.0"] * 6,
    ]


def test_the_same_again_asks_nothing_and_draws_nothing(command, photographs, tmp_path, proxy):
    words = ("photographs", "--output", "out", "--model", "tiny")
    command(*words)
    out, asked = tmp_path / "out", len(proxy.asked)
    before = {name: (out / name).read_bytes() for name in written(out)}
    times = {name: (out / name).stat().st_mtime_ns for name in ANSWERED}
    said = command(*words, "--patience", "0")
    assert said.code == 1
    assert "6 answers of an earlier run, begun 20" in said.out
    assert len(proxy.asked) == asked
    assert {name: (out / name).stat().st_mtime_ns for name in ANSWERED} == times
    del before["summary.json"]
    assert {name: (out / name).read_bytes() for name in before} == before


def test_what_is_new_or_has_changed_or_lost_its_picture(command, photographs, tmp_path, proxy):
    words = ("photographs", "--output", "out", "--model", "tiny")
    command(*words)
    asked, out = len(proxy.asked), tmp_path / "out"
    new = png(noise_bgr(64, 96, 77))
    (photographs / "0.png").write_bytes(new)
    (photographs / "bad.jpg").unlink()
    newer = png(noise_bgr(64, 96, 78))
    (photographs / "new.png").write_bytes(newer)
    (out / "1.png").unlink()
    times = {name: (out / name).stat().st_mtime_ns for name in ("0.png", "2.png")}
    said = command(*words)
    assert said.code == 0, said.err
    assert {one.digest for one in proxy.asked[asked:]} == {digest(new), digest(newer)}
    assert len(proxy.asked) == asked + 2
    assert (out / "1.png").is_file()
    assert (out / "0.png").stat().st_mtime_ns > times["0.png"]
    assert (out / "2.png").stat().st_mtime_ns == times["2.png"]
    names = [one["file_name"] for one in load(out / "images.json")["images"]]
    assert names == ["0.png", "1.png", "2.png", "3.png", "new.png", "sub/0.jpg"]


def test_restarting_asks_everything(command, photographs, proxy):
    words = ("photographs", "--output", "out", "--model", "tiny", "--no-pictures")
    command(*words)
    assert command(*words, "--score-threshold", "0.9").code == 1
    asked = len(proxy.asked)
    assert command(*words, "--score-threshold", "0.9", "--restart").code == 1
    assert len(proxy.asked) == asked + 7


@pytest.mark.parametrize(("threshold", "noted"), [("0.5", True), ("0.7", False), ("0.9", False)])
def test_a_threshold_below_that_of_the_archive(command, photographs, threshold, noted):
    words = ("photographs/0.png", "--model", "coins", "--no-pictures", "--output", "out")
    said = command(*words, "--score-threshold", threshold, "--json")
    sentence = "The model answers nothing with a score below 0.7, which its archive was exported"
    assert (sentence in said.err) == noted
    assert any(one.startswith(sentence) for one in json.loads(said.out)["notes"]) == noted


def test_other_options_are_another_run(command, photographs, tmp_path, proxy):
    command("photographs", "--output", "out", "--model", "tiny")
    asked = len(proxy.asked)
    said = command("photographs", "--output", "out", "--model", "tiny", "--tile", "64")
    assert said.code == 1
    assert "options was {} and is {'tile': 64}" in said.err
    assert "--restart, which deletes them" in said.err
    assert len(proxy.asked) == asked


DEMO = [
    # As people call Detectron2's demo.py.
    pytest.param(
        ["--input", "photographs/0.png", "photographs/1.png"], ["0.png", "1.png"], id="files"
    ),
    pytest.param(["--input", "photographs/*.png"], ["0.png", "1.png", "2.png", "3.png"], id="glob"),
    pytest.param(
        ["--input", "photographs/0.png", "--confidence-threshold", "0.3"], ["0.png"], id="threshold"
    ),
]


@pytest.mark.parametrize(("words", "names"), DEMO)
def test_drop_in_for_demo_py(command, photographs, tmp_path, words, names):
    said = command(*words, "--output", "out", "--model", "tiny")
    assert said.code == 0
    pictures = [name for name in written(tmp_path / "out") if name.endswith(".png")]
    assert pictures == names


def test_positional_words_may_stand_anywhere(command, photographs, tmp_path):
    said = command("photographs/0.png", "--output", "out", "photographs/1.png", "--model", "tiny")
    assert said.code == 0
    assert {"0.png", "1.png"} <= set(written(tmp_path / "out"))


OPTIONS = [
    pytest.param(
        ["--score-threshold", "0.5"],
        lambda found: min(one["score"] for one in found) >= 0.5,
        id="score",
    ),
    pytest.param(["--max-detections", "1"], lambda found: len(found) == 2, id="the best"),
    pytest.param(
        ["--classes", "green, 2"], lambda found: categories(found) == {1, 2}, id="classes"
    ),
    pytest.param(["--classes", '["blue"]'], lambda found: categories(found) == {2}, id="JSON"),
    pytest.param(["--tile", "64", "--overlap", "0.25"], lambda found: len(found) > 2, id="tiles"),
]


def categories(results) -> set[int]:
    return {one["category_id"] for one in results}


@pytest.mark.parametrize(("words", "holds"), OPTIONS)
def test_options(command, photographs, tmp_path, words, holds):
    said = command("photographs/0.png", "photographs/1.png", "--output", "out",
                   "--model", "tiny", *words)  # fmt: skip
    assert said.code == 0, said.err
    assert holds(load(tmp_path / "out" / "coco_results.json"))


def test_names_that_clash(command, photographs, tmp_path):
    shutil.copytree(photographs, tmp_path / "others")
    said = command("photographs/*.png", "others/0.png", "--output", "out", "--model", "tiny")
    assert said.code == 0
    pictures = [name for name in written(tmp_path / "out") if name.endswith(".png")]
    assert pictures == ["others/0.png", *(f"photographs/{number}.png" for number in range(4))]


def test_annotations_give_ids(command, photographs, tmp_path):
    annotations = {
        "images": [{"id": 100 + n, "file_name": f"photographs/{n}.png"} for n in range(9)],
        "annotations": [],
        "categories": [{"id": 50 + n, "name": name} for n, name in enumerate(reversed(CLASSES))],
    }
    (tmp_path / "coco.json").write_text(json.dumps(annotations))
    said = command("photographs", "--output", "out", "--model", "tiny",
                   "--annotations", "coco.json")  # fmt: skip
    out = tmp_path / "out"
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(out / "images.json")
        coco.loadRes(str(out / "coco_results.json"))
    assert coco.getImgIds() == [100, 101, 102, 103]
    names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
    assert names == {50: "blue", 51: "green", 52: "red"}
    summary = load(out / "summary.json")
    by_name = {one["class_name"]: one["detections"] for one in summary["classes"]}
    ids = [one["category_id"] for one in load(out / "coco_results.json")]
    assert 0 < ids.count(50) <= by_name["blue"]
    note = "2 of 6 images are not in coco.json (bad.jpg, sub/0.jpg)"
    assert said.err.startswith(note)  # before anything is asked
    assert note in said.out


def test_annotations_of_something_else_are_said_before_anything_is_asked(
    command, photographs, tmp_path, proxy
):
    images = [{"id": 1, "file_name": "x.jpg"}]
    (tmp_path / "coco.json").write_text(json.dumps({"images": images}))
    said = command("photographs", "--output", "out", "--annotations", "coco.json")
    assert said.code == 1
    assert "None of the images is in coco.json" in said.err
    assert proxy.asked == []


def test_a_video(command, video, tmp_path, proxy):
    said = command("clip.avi", "--output", "out", "--model", "coins")
    out = tmp_path / "out"
    assert said.code == 0, said.err
    assert written(out) == sorted(
        ["answers.jsonl", "clip.frames.jsonl", "clip.mp4", "coco_results.json", "failures.json",
         "images.json", "summary.json"]
    )  # fmt: skip
    lines = [json.loads(line) for line in (out / "clip.frames.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(8))
    assert [line["time_s"] for line in lines] == pytest.approx([n / 5 for n in range(8)])
    assert all(line["answer"]["predictions"] for line in lines)
    with VideoReader(out / "clip.mp4") as drawn, VideoReader(video) as given:
        assert drawn.fps == given.fps
        pairs = list(zip(drawn, given, strict=True))
    assert len(pairs) == 8
    for after, before in pairs:
        assert np.abs(after.astype(int) - before).max() > 80
    assert load(out / "coco_results.json") == load(out / "images.json")["images"] == []
    assert said.out.startswith("coins 1.0 answered 8 of 8 images.")
    asked = len(proxy.asked)
    assert command("clip.avi", "--output", "out").code == 0
    assert len(proxy.asked) == asked


def test_videos_that_are_none(command, video, photographs, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    said = command("--video-input", "bad.mp4", "--input", "photographs/0.png", "--output", "out",
                   "--model", "tiny")  # fmt: skip
    assert said.code == 1
    (failure,) = load(tmp_path / "out" / "failures.json")
    assert failure["type"] == "UnreadableVideo"
    assert f"{tmp_path}/bad.mp4 cannot be read as a video." in said.err
    assert "answered 1 of 1 image." in said.out


def test_frames_that_fail_are_in_the_video_as_they_are(command, video, tmp_path, proxy):
    bad = b'{"code": 500, "type": "InternalError", "message": "A bug."}'
    proxy.instead = lambda asked: Reply(500, bad) if len(proxy.asked) in (4, 5) else None
    said = command("clip.avi", "--output", "out", "--model", "tiny", "--no-pictures")
    assert said.code == 1
    assert "answered 6 of 8 images" in said.out
    assert [one["type"] for one in load(tmp_path / "out" / "failures.json")] == [
        "InternalError"
    ] * 2
    proxy.instead = lambda asked: None
    assert command("clip.avi", "--output", "out", "--model", "tiny").code == 0
    assert (tmp_path / "out" / "clip.mp4").is_file()
    assert len(proxy.asked) == 1 + 8 + 2


def test_pictures_that_cannot_be_written_are_said_and_drawn_the_next_time(
    command, photographs, tmp_path, proxy
):
    out = tmp_path / "out"
    (out / "0.png").mkdir(parents=True)  # in the way
    words = ("photographs/0.png", "photographs/1.png", "--output", "out", "--model", "tiny")
    said = command(*words)
    assert said.code == 1
    assert load(out / "failures.json")[0]["type"] == "NoPicture"
    assert "0.png cannot be written" in said.err
    assert (out / "1.png").is_file()
    (out / "0.png").rmdir()
    asked = len(proxy.asked)
    assert command(*words).code == 0
    assert (out / "0.png").is_file()
    assert len(proxy.asked) == asked


def test_as_json(command, photographs, tmp_path):
    said = command("photographs/0.png", "--output", "out", "--model", "tiny", "--json")
    document = json.loads(said.out)
    assert document == load(tmp_path / "out" / "summary.json")
    assert document["images"] == document["answered"] == document["asked"] == 1
    assert document["failures"] == document["earlier"] == 0
    assert document["images_per_second"] == pytest.approx(1 / document["seconds"])
    assert {"mean", "p50", "p95", "p99"} <= document["times_s"]["client"].keys()
    assert {"decode", "model"} <= document["times_s"].keys()


TINY = ["photographs", "--model", "tiny"]

REFUSED = [
    pytest.param(["gone.jpg"], "There is no file, folder or match for gone.jpg.", id="no file"),
    pytest.param(["empty"], "There is no image and no video in what was named.", id="no image"),
    pytest.param(["photographs"], "serves 3 models (batched, coins, tiny)", id="which model"),
    pytest.param(["photographs", "--model", "dogs"], "404 ModelNotFoundException", id="model"),
    pytest.param([*TINY, "--version", "7"], "404 ModelVersionNotFoundException", id="version"),
    pytest.param([*TINY, "--classes", "dog"], "'dog' is not a class of this model", id="class"),
    pytest.param([*TINY, "--overlap", "0.7"], "overlap is '0.7'", id="option"),
    pytest.param([*TINY, "--annotations", "gone.json"], "gone.json cannot be read", id="COCO"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED)
def test_what_cannot_be_begun(command, photographs, tmp_path, words, sentence):
    (tmp_path / "empty").mkdir()
    said = command(*words, "--output", "out")
    assert (said.code, said.out) == (1, "")
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out").exists()


def test_inputs_are_not_written_over(command, photographs, proxy):
    said = command("photographs", "--output", "photographs", "--model", "tiny")
    assert said.code == 1
    assert "photographs/0.png would be written over: choose another folder" in said.err
    said = command("photographs", "--output", "photographs/notes.txt", "--model", "tiny")
    assert "photographs/notes.txt is a file; accepted is a folder" in said.err
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("word", "output", "sentence"),
    [
        pytest.param("0.png", "out.jpg", "With --output out the first is in out/0.png.", id="jpg"),
        pytest.param("0.png", "new/A.PNG", "--output new/A the first is in new/A/0.png", id="PNG"),
        pytest.param("clip.mov", "clip.mp4", "is in clip/clip.mp4.", id="video"),
    ],
)
def test_a_file_as_demo_py_takes_it_for_one_image(anywhere, tmp_path, word, output, sentence):
    (tmp_path / word).touch()
    said = anywhere(word, "--output", output)
    assert (said.code, said.out) == (1, "")
    assert f"--output is {output}, the name of a picture or video; accepted is a folder" in said.err
    assert sentence in said.err
    assert not (tmp_path / output).exists()


def test_a_folder_may_be_called_as_a_picture(anywhere, tmp_path):
    (tmp_path / "0.png").write_bytes(png(noise_bgr(1, 1)))
    (tmp_path / "out.jpg").mkdir()
    assert anywhere("0.png", "--output", "out.jpg").code == 0
    assert (tmp_path / "out.jpg" / "0.png").is_file()


def test_a_wrong_key_is_not_shown(command, photographs, monkeypatch):
    monkeypatch.setenv("TORCHSERVE_INFERENCE_KEY", "secret-of-somebody")
    said = command("photographs", "--output", "out", "--model", "tiny")
    assert said.code == 1
    assert "InvalidKeyException" in said.err
    assert "secret-of-somebody" not in said.err


USAGE = [
    pytest.param([], "--output", id="nothing"),
    pytest.param(["--output", "o"], "name an image, a folder, a pattern or a video", id="no words"),
    pytest.param(["a", "--output", "o", "--workers", "0"], "from 1 on", id="no workers"),
    pytest.param(["a", "--output", "o", "--workers", "x"], "invalid", id="no number"),
    pytest.param(["a", "--output", "o", "--score-threshold", "2"], "from 0 to 1", id="score"),
    pytest.param(["a", "--output", "o", "--score-threshold", "nan"], "from 0 to 1", id="nan"),
    pytest.param(["a", "--output", "o", "--patience", "inf"], "seconds from 0 on", id="patience"),
    pytest.param(["a", "--output", "o", "--classes", "[1"], "no JSON list", id="JSON"),
    pytest.param(["a", "--output", "o", "--classes", "[[1]]"], "names and ids", id="lists"),
]


@pytest.mark.parametrize(("words", "sentence"), USAGE)
def test_usage(capsys, words, sentence):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as caught:
        client_main(["predict", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "examples:" in text
    assert "exit codes: 0 done" in text
    for action in build_parser()._actions:
        assert action.help
    assert max(len(line) for line in text.splitlines()) <= 100
