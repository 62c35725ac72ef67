"""The command against a real server: two versions of coins on drawn scenes, one of them worse."""

import json
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from client.compare.cli import main
from client.evaluate.cli import main as evaluate_main
from examples.coins.dataset import write_scenes
from server.torchserve import TorchServe
from tests.client.proxy import Proxy, Reply, digest

SCENES = 5
OLD, NEW = "1.0", "2.0"


@dataclass
class Outcome:
    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> dict:
        return json.loads((self.folder / "report.json").read_text())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, SCENES, seed=11, size_hw=(128, 160))
    return folder


@pytest.fixture
def scenes(drawn: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(drawn, tmp_path / "scenes"))


@pytest.fixture
def site(served: TorchServe, proxy: Proxy) -> list[str]:
    """The arguments by which a command finds the server; what it asks goes through the proxy."""
    return [
        *("--inference", proxy.url, "--management", served.management.url),
        *("--key-folder", str(served.work_dir), "--patience", "0"),
    ]


@pytest.fixture
def compare(site, scenes: Path, tmp_path: Path, capfd):
    """Types the command."""

    def run(*words: str, versions: tuple[str, ...] = (OLD, NEW), annotated: bool = True) -> Outcome:
        folder = tmp_path / "compared"
        images = ["--images", str(scenes), *(["--annotations", str(scenes / "scenes.json")])]
        code = main(
            [
                *("--model", "coins", "--output", str(folder), "--resamples", "100"),
                *(word for version in versions for word in ("--version", version)),
                *(images if annotated else images[:2]),
                *site,
                *words,
            ]
        )
        said = capfd.readouterr()
        return Outcome(code, said.out, said.err, folder)

    return run


def paths(proxy: Proxy) -> list[str]:
    return [one.path.removeprefix("/predictions/coins/") for one in proxy.asked]


def test_equals_evaluations_of_both_and_is_compared_again_without_a_server(
    compare, site, scenes, tmp_path, proxy, capfd
):
    first = compare("--fail-if", "ap_drop>0.01", "--fail-if", "box_iou_median<0.99")
    assert first.code == 3
    # A small image first, which shows that the version is there; then both in turns.
    assert paths(proxy) == [OLD, NEW, *(2 * [OLD, NEW, NEW, OLD]), OLD, NEW]
    report = first.report
    assert report["model"] == {"name": "coins", "old": OLD, "new": NEW}
    assert len(report["images"]) == SCENES
    for side, version in (("old", OLD), ("new", NEW)):
        theirs = evaluation(version, site, scenes, tmp_path / version)
        for task in ("bbox", "segm"):
            ours = {name: one[side] for name, one in report["ap"][task].items()}
            assert ours == theirs["ap"][task]
            (coin,) = report["class_ap"]
            assert coin["ap"][task][side] == theirs["classes"][0]["ap"][task]
        assert report["times_s"][side].keys() == theirs["times_s"].keys()
    boxes = report["ap"]["bbox"]["AP"]
    assert boxes["difference"] == boxes["new"] - boxes["old"] < -3
    assert boxes["low"] < boxes["difference"] < boxes["high"] < 0
    capfd.readouterr()

    total = report["total"]
    assert 0.5 < total["agreement"] <= 1
    assert total["old"] > 20 < total["new"]
    assert 0.5 < total["overlap"]["box"]["median"] < total["overlap"]["mask"]["median"] < 1
    assert set(report["speed"]) >= {"client", "server", "model", "decode"}
    assert all(one["images"] <= SCENES for one in report["speed"].values())
    drop = report["values"]["ap_drop"]
    assert drop == pytest.approx((boxes["old"] - boxes["new"]) / 100)
    assert [one["fails"] for one in report["conditions"]] == [True, True]
    assert f"FAILS  ap_drop>0.01: ap_drop is {drop:.4g}" in first.out
    assert "FAILS  box_iou_median<0.99: box_iou_median is 0." in first.out
    assert f"{boxes['difference']:+.2f}" in first.out

    asked = len(proxy.asked)
    proxy.instead = lambda asked: Reply(0)
    second = compare("--score", "0.99", "--iou", "0.75", "--gallery", "0")
    assert second.code == 0
    assert len(proxy.asked) == asked
    assert second.report["ap"] == report["ap"]
    assert second.report["total"]["old"] < total["old"]
    assert len((second.folder / "report.html").read_text()) < 100_000
    missing = compare("--fail-if", "keypoint_oks_median<0.5", "--fail-if", "ap_drop>-0.9")
    assert missing.code == 2
    assert missing.err.endswith(
        "--fail-if keypoint_oks_median<0.5: the versions do not answer with keypoints.\n"
    )
    assert [one["value"] is None for one in missing.report["conditions"]] == [True, False]
    other = compare(versions=(OLD, "3.0"))
    assert other.code == 1
    assert "version was '2.0' and is '3.0'" in other.err


def evaluation(version: str, site: list[str], scenes: Path, folder: Path) -> dict:
    """What `evaluate` says of a version."""
    words = ["--model", "coins", "--version", version, "--output", str(folder), *site]
    material = ["--images", str(scenes), "--annotations", str(scenes / "scenes.json")]
    assert evaluate_main([*words, *material]) == 0
    return json.loads((folder / "report.json").read_text())


def test_a_version_beside_itself_differs_by_nothing(compare):
    outcome = compare("--fail-if", "ap_drop>0", "--fail-if", "agreement<1", versions=(OLD, OLD))
    assert outcome.code == 0
    report = outcome.report
    for name, one in report["ap"]["bbox"].items():
        assert one["difference"] in (0, None), name
        assert {one["low"], one["high"]} <= {0, None}, name
    total = report["total"]
    assert (total["agreement"], total["overlap"]["mask"]["lowest"]) == (1, 1)
    assert total["score_shift"]["largest_size"] == 0
    assert "No image on which the answers differ." in outcome.out
    assert "passes ap_drop>0: ap_drop is 0" in outcome.out
    assert "coins 1.0 again beside 1.0" in (outcome.folder / "report.html").read_text()


def test_images_without_annotations(compare, proxy):
    outcome = compare("--fail-if", "agreement<0.1", annotated=False)
    assert outcome.code == 0
    report = outcome.report
    assert [one["name"] for one in report["images"]] == [
        f"images/{number:05d}.png" for number in range(1, SCENES + 1)
    ]
    assert (report["annotations"], report["ap"], report["values"]["ap_drop"]) == (None, {}, None)
    assert "were passed over: 1 .json." in outcome.err
    assert "ground truth" not in (outcome.folder / "report.html").read_text()
    proxy.asked.clear()
    refused = compare("--fail-if", "slowdown>9", "--fail-if", "ap_drop>0.01", annotated=False)
    assert (refused.code, proxy.asked) == (2, [])
    assert refused.err.startswith("--fail-if ap_drop>0.01: AP takes annotations")


def test_goes_on_after_the_server_went_away(compare, proxy):
    proxy.instead = lambda asked: Reply(0) if len(proxy.asked) > 5 else None
    first = compare()
    assert first.code == 1
    assert "3 answers of 10 are kept in" in first.err
    assert "the same command, without --restart, goes on from there." in first.err
    assert "Traceback" not in first.err
    assert not (first.folder / "report.json").exists()
    proxy.instead = lambda asked: None
    proxy.asked.clear()
    second = compare()
    assert second.code == 0
    # The second image has one of two answers: both are asked about it again.
    assert paths(proxy) == [NEW, OLD, OLD, NEW, NEW, OLD, OLD, NEW]


def test_stops_when_it_is_asked_to(compare, proxy):
    def interrupted(asked):
        if len(proxy.asked) == 4:
            os.kill(os.getpid(), signal.SIGINT)

    proxy.instead = interrupted
    outcome = compare()
    assert outcome.code == 130
    assert "Stopping when what is under way is answered; a second signal" in outcome.err
    assert outcome.err.endswith("Stopped. The same command goes on from here.\n")
    assert not (outcome.folder / "report.json").exists()


def test_leaves_out_what_not_both_have_answered(compare, scenes, proxy):
    (scenes / "images" / "00002.png").write_bytes(b"no image")
    document = json.loads((scenes / "scenes.json").read_text())
    document["images"][3]["width"] = 161
    for one in document["annotations"]:
        if one["image_id"] == document["images"][3]["id"]:
            del one["segmentation"]
    (scenes / "scenes.json").write_text(json.dumps(document))
    fails = b'{"code": 500, "type": "InternalError", "message": "No."}'
    third = digest((scenes / "images" / "00003.png").read_bytes())
    proxy.instead = lambda asked: (
        Reply(500, fails) if asked.path.endswith(NEW) and asked.digest == third else None
    )
    outcome = compare("--fail-if", "failed_images>1", "--fail-if", "mask_iou_median<0.1")
    assert outcome.code == 1
    report = outcome.report
    assert len(report["images"]) == SCENES - 3
    assert [(one["image"], one["version"], one["type"]) for one in report["failures"]] == [
        ("images/00002.png", "old", "UndecodableImage"),
        ("images/00002.png", "new", "UndecodableImage"),
        ("images/00003.png", "new", "InternalError"),
        ("images/00004.png", None, "SizeMismatch"),
    ]
    assert report["values"]["failed_images"] == 1
    assert list(report["ap"]) == ["bbox"]  # some objects have no masks now
    assert "images/00002.png (new version): 400 UndecodableImage: The 8 bytes" in outcome.err
    assert "Left out of all numbers" in (outcome.folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(
            ["--version", "9"],
            "Version 9 is not served; of coins there are 1.0, 2.0. Both have to be: "
            "`python -m client models register FILE.mar` serves one more",
            id="version",
        ),
        pytest.param(["--model", "none"], "ModelNotFoundException", id="model"),
        pytest.param(["--images", "{tmp}/none"], "is not a folder of images", id="no folder"),
        pytest.param(["--images", "{scenes}/images"], "5 images of 5", id="another folder"),
        pytest.param(["--annotations", "{tmp}/no.json"], "cannot be read", id="no annotations"),
        pytest.param(
            ["--classes-by", "dataset-ids", "--annotations", "{other}"],
            "is a category of the annotations",
            id="classes",
        ),
    ],
)
def test_says_what_is_wrong_before_it_asks(words, sentence, compare, scenes, tmp_path, proxy):
    other = json.loads((scenes / "scenes.json").read_text())
    other["categories"] = [{"id": 70, "name": "note"}]
    other["annotations"] = []
    (tmp_path / "other.json").write_text(json.dumps(other))
    versions = (OLD,) if "--version" in words else (OLD, NEW)
    places = {"tmp": tmp_path, "scenes": scenes, "other": tmp_path / "other.json"}
    outcome = compare(*(word.format(**places) for word in words), versions=versions)
    assert outcome.code == 1
    assert sentence in outcome.err
    assert "Traceback" not in outcome.err
    assert len(proxy.asked) <= 2


def test_an_empty_folder(compare, tmp_path, proxy):
    (tmp_path / "empty").mkdir()
    outcome = compare("--images", str(tmp_path / "empty"), annotated=False)
    assert (outcome.code, proxy.asked) == (1, [])
    assert "There is no image in" in outcome.err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--fail-if", "ap_drop"], id="no condition"),
        pytest.param(["--fail-if", "ap_drop>1"], id="one that is never so"),
        pytest.param(["--iou", "0"], id="an IoU of 0"),
        pytest.param(["--resamples", "10"], id="too few resamples"),
        pytest.param(["--version", "3"], id="three versions"),
        pytest.param(["--images", "a", "b"], id="two folders of annotated images"),
    ],
)
def test_usage(words, compare):
    with pytest.raises(SystemExit) as ended:
        compare(*words)
    assert ended.value.code == 2
