import json
import subprocess
import sys
import zipfile

import pytest
import torch

from export.cli import main
from handler.detector import Detector
from handler.exactness import use_exact_backends
from handler.request import Row
from tests.images import noise_bgr, png


def switches() -> dict[str, object]:
    cudnn = torch.backends.cudnn
    return {
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "cudnn.allow_tf32": cudnn.allow_tf32,
        "cudnn.benchmark": cudnn.benchmark,
        "cudnn.deterministic": cudnn.deterministic,
    }


@pytest.fixture(autouse=True)
def _as_they_were():
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    precision = torch.get_float32_matmul_precision()
    yield
    cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = before
    torch.set_float32_matmul_precision(precision)


def turn_everything() -> None:
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.deterministic = False


def test_loading_a_model_turns_back_what_others_have_turned(opened, caplog):
    turn_everything()
    with caplog.at_level("INFO", logger="handler.exactness"):
        Detector.load(opened, device="cpu", name="tiny", version="1.0")
    assert switches() == use_exact_backends()
    assert "float32_matmul_precision=highest" in caplog.text


def test_a_module_of_the_models_owner_does_not_turn_them(training, tmp_path):
    module = tmp_path / "training_tricks.py"
    module.write_text("import torch\ntorch.backends.cudnn.benchmark = True\n")
    words = ["--config-file", str(training.config_file), "--weights", str(training.weights)]
    words += ["--model-name", "m", "--version", "1", "--export-path", str(tmp_path)]
    words += ["--extra-modules", str(module), "--skip-verification"]
    assert main(words) == 0
    with zipfile.ZipFile(tmp_path / "m.mar") as archive:
        archive.extractall(tmp_path / "opened")
    script = (
        "import sys, torch; from pathlib import Path; from handler.detector import Detector;"
        "Detector.load(Path(sys.argv[1]), device='cpu', name='m', version='1');"
        "import training_tricks; print(torch.backends.cudnn.benchmark)"
    )
    opened = str(tmp_path / "opened")
    fresh = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, opened],
        cwd=opened,
        capture_output=True,
        text=True,
        check=True,
    )
    assert fresh.stdout == "False\n"


def test_but_for_determinism_they_are_torchs_own_defaults():
    script = (
        "import json, torch; from tests.handler.test_exactness import switches;"
        "print(json.dumps(switches()))"
    )
    fresh = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    defaults = json.loads(fresh.stdout)
    assert use_exact_backends() == {**defaults, "cudnn.deterministic": True}


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_request_gives_the_same_bytes(threads, detector):
    row = Row({"body": png(noise_bgr(120, 160))})
    (expected,) = detector.answer([row])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        bodies = {detector.answer([row])[0].body for _ in range(3)}
    finally:
        torch.set_num_threads(before)
    assert bodies == {expected.body}
