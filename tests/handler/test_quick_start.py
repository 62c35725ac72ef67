"""Each in a process of its own: what is imported once stays imported."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

START = """
import sys
from pathlib import Path
import torch
from handler.quick_start import import_without_compiler
"""

ANSWER = """
from handler.detector import Detector
from handler.request import Row
from tests.images import noise_bgr, png
detector = Detector.load(Path(sys.argv[1]), device="cpu", name="tiny", version="1")
(answer,) = detector.answer([Row({"body": png(noise_bgr(96, 128))})])
assert answer.status == 200
"""


def run(program: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_worker_starts_and_answers_without_the_compiler(opened):
    program = f"{START}import handler.detectron2_handler\n{ANSWER}"
    run(f"{program}assert 'torch._dynamo' not in sys.modules", str(opened))


def test_it_is_there_for_whoever_asks(opened):
    program = f"{START}import_without_compiler()\n{ANSWER}"
    compiled = "print(torch.compile(lambda x: x + 1, backend='eager')(torch.ones(1)).item())"
    assert run(program + compiled, str(opened)) == "2.0\n"


def test_torchvision_asks_the_real_one():
    program = (
        f"{START}import_without_compiler()\nmodule = sys.modules['torchvision.ops.roi_align']\n"
    )
    asked = "print(module.is_compile_supported('cpu'), 'torch._dynamo' in sys.modules)"
    assert run(program + asked) == "True True\n"


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("import torch._dynamo", id="the compiler is there"),
        pytest.param("import torchvision", id="torchvision is there"),
        pytest.param(
            "import handler.quick_start as q; q._is_compile_supported = None; "
            "q._stand_ins = lambda: {q._UTILS: __import__('types').ModuleType(q._UTILS)}",
            id="torchvision wants more",
        ),
    ],
)
def test_whatever_was_imported_before(before):
    program = f"{START}{before}\nimport_without_compiler()\nimport torchvision, torch._dynamo.utils"
    run(f"{program}\nassert torch._dynamo.utils.is_compile_supported\nassert torchvision.ops.nms")
