import hashlib
import json
import resource
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import export.pipeline
from export.cli import main
from export.errors import ExportError
from export.model_settings import settings_problems
from handler.config import parse_config
from handler.metadata import Metadata
from tests.models import CLASSES, Training, save_training, tiny_config


@pytest.fixture
def arguments(training: Training, tmp_path: Path) -> dict[str, str]:
    return {
        "--config-file": str(training.config_file),
        "--weights": str(training.weights),
        "--classes": ",".join(CLASSES),
        "--model-name": "tiny",
        "--version": "1.0",
        "--export-path": str(tmp_path / "store"),
    }


UNVERIFIED = "--skip-verification"
"""For tests of something else: a verification is a process of its own that imports torch."""


def run(arguments: dict[str, str], *flags: str) -> int:
    return main([part for pair in arguments.items() for part in pair] + list(flags))


def test_the_archive_holds_what_a_worker_needs_and_no_pickle(opened):
    names = {path.relative_to(opened).as_posix() for path in opened.rglob("*") if path.is_file()}
    assert {
        "MAR-INF/MANIFEST.json",
        "config.yaml",
        "detectron2_handler.py",
        "handler/__init__.py",
        "handler/formats/native.py",
        "metadata.json",
        "model-config.yaml",
        "model.safetensors",
    } <= names
    assert not [name for name in names if name.endswith((".pth", ".pkl", ".pyc"))]


def test_the_archive_holds_the_weights_unchanged_and_nothing_else(opened, training):
    trained = torch.load(training.weights, weights_only=True)["model"]
    packed = load_file(opened / "model.safetensors")
    assert packed.keys() == trained.keys()
    assert all(torch.equal(packed[name], trained[name]) for name in trained)


def test_the_weights_are_stored_as_they_are_and_all_else_is_deflated(store):
    with zipfile.ZipFile(store / "tiny.mar") as archive:
        stored = [e.filename for e in archive.infolist() if e.compress_type == zipfile.ZIP_STORED]
    assert stored == ["model.safetensors"]


def test_nothing_in_the_config_points_at_the_training_machine(opened):
    text = (opened / "config.yaml").read_text()
    assert "somebody" not in text
    assert parse_config(text).INPUT.MIN_SIZE_TEST == tiny_config().INPUT.MIN_SIZE_TEST


def test_two_exports_have_the_same_bytes(arguments, store, tmp_path):
    assert run(arguments) == 0
    assert (tmp_path / "store" / "tiny.mar").read_bytes() == (store / "tiny.mar").read_bytes()


def test_honours_source_date_epoch(arguments, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert run(arguments, UNVERIFIED) == 0
    with zipfile.ZipFile(tmp_path / "store" / "tiny.mar") as archive:
        assert {entry.date_time[:3] for entry in archive.infolist()} == {(2023, 11, 14)}
        assert b"14/11/2023 22:13:20" in archive.read("MAR-INF/MANIFEST.json")


def test_leaves_nothing_but_the_archive(arguments, tmp_path):
    assert run(arguments) == 0
    names = sorted(path.name for path in (tmp_path / "store").iterdir())
    assert names == ["tiny.mar", "tiny.mar.sha256"]
    archive = (tmp_path / "store" / "tiny.mar").read_bytes()
    sidecar = (tmp_path / "store" / "tiny.mar.sha256").read_text()
    assert sidecar == f"{hashlib.sha256(archive).hexdigest()}  tiny.mar\n"


def opened_config(archive: Path):
    with zipfile.ZipFile(archive) as mar:
        return parse_config(mar.read("config.yaml").decode())


def test_sets_the_score_threshold(arguments, tmp_path):
    assert run({**arguments, "--score-threshold": "0.7"}, UNVERIFIED) == 0
    config = opened_config(tmp_path / "store" / "tiny.mar")
    assert config.MODEL.ROI_HEADS.SCORE_THRESH_TEST == 0.7


def test_sets_the_score_threshold_where_retinanet_reads_it(tmp_path):
    config = tiny_config()
    config.MODEL.META_ARCHITECTURE = "RetinaNet"
    config.MODEL.BACKBONE.NAME = "build_retinanet_resnet_fpn_backbone"
    config.MODEL.FPN.IN_FEATURES = ["res3", "res4", "res5"]
    config.MODEL.RETINANET.NUM_CLASSES = 2
    training = save_training(tmp_path, config)
    arguments = {
        "--config-file": str(training.config_file),
        "--weights": str(training.weights),
        "--classes": "a,b",
        "--model-name": "retina",
        "--version": "1",
        "--export-path": str(tmp_path),
        "--score-threshold": "0.3",
    }
    assert run(arguments, UNVERIFIED) == 0
    config = opened_config(tmp_path / "retina.mar")
    assert config.MODEL.RETINANET.SCORE_THRESH_TEST == 0.3
    assert config.MODEL.ROI_HEADS.SCORE_THRESH_TEST == 0.05


def test_names_classes_by_number_where_none_are_given(arguments, tmp_path):
    del arguments["--classes"]
    assert run(arguments, UNVERIFIED) == 0
    with zipfile.ZipFile(tmp_path / "store" / "tiny.mar") as mar:
        mar.extract("metadata.json", tmp_path)
    assert Metadata.read(tmp_path).class_names == ("class_0", "class_1", "class_2")


def test_keeps_an_archive_that_is_there(arguments, tmp_path, capsys):
    existing = tmp_path / "store" / "tiny.mar"
    existing.parent.mkdir()
    existing.write_text("precious")
    assert run(arguments) == 1
    assert "exists already; --force replaces it" in capsys.readouterr().err
    assert existing.read_text() == "precious"
    assert run(arguments, "--force", UNVERIFIED) == 0
    assert zipfile.is_zipfile(existing)


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        pytest.param({"--weights": "no.pth"}, ["--weights no.pth does not exist"], id="no weights"),
        pytest.param(
            {"--config-file": "no.yaml"}, ["no.yaml is neither a file nor"], id="no config"
        ),
        pytest.param({"--model-name": "1st"}, ['"1st" is refused'], id="name"),
        pytest.param({"--model-name": "../x"}, ['"../x" is refused'], id="name with a path"),
        pytest.param({"--version": "a/b"}, ['"a/b" cannot stand in a URL'], id="version"),
        pytest.param({"--version": "all"}, ['"all" is taken'], id="version that means all"),
        pytest.param({"--score-threshold": "70"}, ["70.0 is not within 0 and 1"], id="threshold"),
        pytest.param({"--classes": "a,b"}, ["2 names, MODEL.ROI_HEADS.NUM_CLASSES"], id="too few"),
        pytest.param({"--classes": "a,b,b"}, ["a name twice: b"], id="a name twice"),
        pytest.param(
            {"--weights": "no.pth", "--version": "", "--score-threshold": "-1"},
            ["no.pth does not exist", '--version ""', "-1.0 is not within"],
            id="all problems at once",
        ),
    ],
)
def test_says_what_is_wrong_and_leaves_nothing(changes, sentences, arguments, tmp_path, capsys):
    assert run({**arguments, **changes}) == 1
    error = capsys.readouterr().err
    assert all(sentence in error for sentence in sentences), error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("store/*"))


def test_shows_the_traceback_when_asked(arguments):
    with pytest.raises(ExportError):
        run({**arguments, "--weights": "no.pth"}, "--debug")


def test_an_interruption_leaves_the_store_as_it_was(arguments, tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(export.pipeline, "pack", interrupted)
    assert run(arguments) == 130
    assert "Interrupted" in capsys.readouterr().err
    assert list((tmp_path / "store").iterdir()) == []


def test_help_teaches_without_loading_torch():
    code = (
        "import sys; from export.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: sys.exit('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "example:" in result.stdout


def test_usage_errors_exit_with_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--config-file", "x"])
    assert caught.value.code == 2
    assert "--weights" in capsys.readouterr().err


def test_an_existing_archive_is_named_with_what_it_holds(arguments, capsys):
    assert run(arguments, UNVERIFIED) == 0
    assert run(arguments) == 1
    assert "tiny.mar exists already and holds tiny 1.0; --force" in capsys.readouterr().err
    assert run({**arguments, "--version": "2.0"}) == 1
    said = capsys.readouterr().err
    assert "holds tiny 1.0; --export-path with another folder, such as build, makes 2.0" in said
    assert "`python -m client models rollout`" in said


def test_the_summary_as_json(arguments, capsys):
    assert run(arguments, "--json") == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["metadata"]["verification"]["exact"]
    assert document["archive_bytes"] < document["weights_bytes"]
    assert document["left_behind"] == ["iteration", "optimizer"]
    assert "Packing" in err


def test_the_summary_ends_with_what_to_type(arguments, capsys):
    assert run(arguments, UNVERIFIED) == 0
    out = capsys.readouterr().out
    assert f"-m server --model-store {arguments['--export-path']} --models tiny=tiny.mar" in out
    assert "key_file.json" in out
    assert "curl -H" in out
    assert "/predictions/tiny" in out
    assert f"-m client models rollout {arguments['--export-path']}/tiny.mar --image" in out


def test_what_lies_in_the_model_store_is_not_rolled_out(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(arguments, "--export-path")
    assert run(arguments, UNVERIFIED) == 0
    out = capsys.readouterr().out
    assert "-m server --model-store model_store --models tiny=tiny.mar" in out
    assert "rollout" not in out


def test_a_failed_verification_leaves_no_archive(arguments, tmp_path, monkeypatch, capsys):
    # What the reference says is changed by the least that can be changed: one score.
    genuine = export.pipeline.reference_predictor

    def tampered(*given):
        name, predict = genuine(*given)

        def predict_otherwise(image_bgr):
            output = predict(image_bgr)
            output["instances"].scores[0] += 1e-3
            return output

        return name, predict_otherwise

    monkeypatch.setattr(export.pipeline, "reference_predictor", tampered)
    assert run(arguments) == 1
    error = capsys.readouterr().err
    assert "Verification failed, no archive was made" in error
    assert "largest score difference 0.001" in error
    assert not list(tmp_path.glob("store/*"))


def test_a_failed_verification_keeps_the_old_archive(arguments, tmp_path, monkeypatch):
    assert run(arguments, UNVERIFIED) == 0
    before = (tmp_path / "store" / "tiny.mar").read_bytes()
    monkeypatch.setattr(
        export.pipeline,
        "verify",
        lambda *_, **__: (_ for _ in ()).throw(ExportError("it does not work")),
    )
    assert run({**arguments, "--version": "2.0"}, "--force") == 1
    assert (tmp_path / "store" / "tiny.mar").read_bytes() == before


def command(arguments: dict[str, str]) -> list[str]:
    words = [word for pair in arguments.items() for word in pair]
    return [sys.executable, "-m", "export", *words]


def test_a_full_disk_is_said_in_a_sentence(arguments, tmp_path, pytestconfig):
    # No file of this process may grow beyond 300 kB: writing the weights fails as on a full disk.
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    result = subprocess.run(
        command(arguments),
        cwd=pytestconfig.rootpath,
        preexec_fn=small_files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "could not be written" in result.stderr
    assert "The model store is as it was" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list((tmp_path / "store").iterdir())


def test_ctrl_c_in_the_middle_leaves_nothing(arguments, tmp_path, pytestconfig):
    process = subprocess.Popen(
        command(arguments),
        cwd=pytestconfig.rootpath,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        for line in process.stdout:
            if line.startswith("Verifying"):
                process.send_signal(signal.SIGINT)
                break
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.endswith("Interrupted; the model store is as it was.\n")
    assert not list((tmp_path / "store").iterdir())


def test_a_supervisors_signal_leaves_nothing_either(arguments, tmp_path, pytestconfig):
    process = subprocess.Popen(
        command(arguments), cwd=pytestconfig.rootpath, stdout=subprocess.PIPE, text=True
    )
    with process:
        for line in process.stdout:
            if line.startswith("Packing"):
                process.terminate()
        assert process.wait(60) == 130
    assert not list((tmp_path / "store").iterdir())


TIMEOUTS = "responseTimeout: 60\nstartupTimeout: 60\n"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        pytest.param("", "a mapping of keys is expected, this is a NoneType", id="empty"),
        pytest.param("words", "this is a str", id="words"),
        pytest.param("a: [1", "is not YAML", id="not yaml"),
        pytest.param(f"{TIMEOUTS}detectron2: {{max_pixels: 5}}", "unknown keys", id="our key"),
        pytest.param(
            f"{TIMEOUTS}detectron2: {{max_image_pixels: many}}", "is 'many'", id="our value"
        ),
        pytest.param(f"{TIMEOUTS}batchSize: four", "batchSize is 'four'; a int", id="a word"),
        pytest.param(f"{TIMEOUTS}batch_size: 4", "knows no key 'batch_size'", id="misspelt"),
        pytest.param(f"{TIMEOUTS}minWorkers: 1", "go together", id="half a pair"),
        pytest.param("batchSize: 1", "responseTimeout is missing", id="no timeout"),
    ],
)
def test_settings_with_which_a_server_would_stumble(
    settings, sentence, arguments, tmp_path, capsys
):
    file = tmp_path / "settings.yaml"
    file.write_text(settings)
    assert run({**arguments, "--model-config": str(file)}) == 1
    assert sentence in capsys.readouterr().err


def test_the_shipped_settings_have_no_problem(pytestconfig):
    assert settings_problems(pytestconfig.rootpath / "export" / "model-config.yaml") == []


def test_a_second_export_of_a_name_that_began_before_the_first_ended(
    arguments, tmp_path, monkeypatch, capsys
):
    publish = export.pipeline._publish

    def too_late(packed, sha256, archive, *, force):
        archive.write_text("of somebody else")
        publish(packed, sha256, archive, force=force)

    monkeypatch.setattr(export.pipeline, "_publish", too_late)
    assert run(arguments) == 1
    assert "has appeared meanwhile" in capsys.readouterr().err
    assert (tmp_path / "store" / "tiny.mar").read_text() == "of somebody else"
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["tiny.mar"]


def test_what_we_did_not_foresee_is_a_sentence_too(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(export.pipeline, "stage", lambda *_, **__: 1 / 0)
    assert run(arguments) == 1
    error = capsys.readouterr().err
    assert "Unforeseen ZeroDivisionError: division by zero" in error
    assert "Traceback" not in error
    assert not list((tmp_path / "store").iterdir())


@pytest.mark.parametrize("epoch", ["abc", "9999999999999999"])
def test_a_source_date_epoch_that_is_none(epoch, arguments, monkeypatch, capsys):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert run(arguments) == 1
    assert f"SOURCE_DATE_EPOCH is '{epoch}'" in capsys.readouterr().err


def test_a_verification_without_detections_is_doubted(arguments, capsys):
    assert run({**arguments, "--score-threshold": "1.0"}) == 0
    assert "Nothing was detected on the images" in capsys.readouterr().err


def test_a_temp_folder_of_the_models_name_survives(arguments, tmp_path, monkeypatch):
    # torch-model-archiver deletes <temp>/<model-name>, whatever it is.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    precious = tmp_path / "tiny" / "precious.txt"
    precious.parent.mkdir()
    precious.touch()
    assert run(arguments, UNVERIFIED) == 0
    assert precious.exists()


def test_two_exports_of_one_name_at_once_do_not_disturb_each_other(
    arguments, tmp_path, pytestconfig
):
    stores = [tmp_path / "a", tmp_path / "b"]
    processes = [
        subprocess.Popen(
            [*command({**arguments, "--export-path": str(store)}), UNVERIFIED],
            cwd=pytestconfig.rootpath,
            stdout=subprocess.DEVNULL,
        )
        for store in stores
    ]
    assert [process.wait(120) for process in processes] == [0, 0]
    first, second = ((store / "tiny.mar").read_bytes() for store in stores)
    assert first == second
