"""The command on a real server, behind a proxy that counts what it is asked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

from client.predict.cli import main
from examples.coins.photograph import load_photograph
from server.torchserve import TorchServe
from tests.client.proxy import Proxy
from tests.images import noise_bgr, png


class Said(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def site(served: TorchServe, proxy: Proxy) -> list[str]:
    """The arguments by which a command finds the server."""
    return [
        *("--inference", proxy.url),
        *("--management", served.management.url),
        *("--key-folder", str(served.work_dir)),
    ]


@pytest.fixture
def command(site, capsys, tmp_path, monkeypatch) -> Command:
    """Runs `predict` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Said:
        code = main([*map(str, words), *site])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def anywhere(stand_in, capsys, tmp_path, monkeypatch) -> Command:
    """Runs `predict` in a folder of its own, and asks what stands in for a server."""
    monkeypatch.chdir(tmp_path)
    site = ["--model", "m", "--inference", stand_in.url, "--management", stand_in.url]

    def run(*words: object) -> Said:
        code = main([*map(str, words), *site])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Six small images, one of them in a folder below, one of them none."""
    folder = tmp_path / "photographs"
    (folder / "sub").mkdir(parents=True)
    for number in range(4):
        (folder / f"{number}.png").write_bytes(png(noise_bgr(64, 96, number)))
    cv2.imwrite(str(folder / "sub" / "0.jpg"), noise_bgr(96, 64, 9))
    (folder / "bad.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("of another kind")
    return folder


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Eight frames that wander over the photograph of coins."""
    path, whole = tmp_path / "clip.avi", load_photograph()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (160, 120))
    for number in range(8):
        writer.write(np.ascontiguousarray(whole[60 : 60 + 120, 10 * number : 10 * number + 160]))
    writer.release()
    return path
