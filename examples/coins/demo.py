"""The main job from end to end: serve the exported model, ask it about a photograph, draw it.

`make demo` runs this after the export. It needs the ports of `config.properties` and leaves
nothing running.
"""

import argparse
import sys
import time
from pathlib import Path

import cv2

from client.drawing import draw
from client.errors import ClientError
from client.predictions import Predictions
from examples.coins.photograph import load_photograph, photograph_path
from server.errors import ServerError
from server.torchserve import TorchServe

MODEL = "coins"
READY_TIMEOUT_S = 300.0
PICTURE_SCALE = 3.0


def run(*, config: Path, model_store: Path, work_dir: Path) -> Path:
    """Serve, ask, draw, stop.

    Args:
        config: A `config.properties`.
        model_store: Folder that holds `coins.mar`.
        work_dir: Where logs and the picture go; made if it is not there.

    Returns:
        The annotated picture.

    Raises:
        ServerError: The server does not start.
        ClientError: It does not answer.
        FileNotFoundError: scikit-image, which holds the photograph, is not installed.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    photograph = photograph_path().read_bytes()
    say("Starting TorchServe")
    with (
        (work_dir / "server.log").open("wb") as output,
        TorchServe(
            config=config,
            model_store=model_store,
            models=[f"{MODEL}={MODEL}.mar"],
            work_dir=work_dir,
            output=output,
        ) as server,
    ):
        server.wait_until_ready(MODEL, timeout_s=READY_TIMEOUT_S, progress=_show_seconds)
        say("Sending the photograph of 24 ancient coins that scikit-image brings along")
        start = time.perf_counter()
        with server.inference.detector(MODEL) as detector:
            detections = detector.predict(photograph)
        seconds = time.perf_counter() - start
        print(describe(detections, seconds))
        say("Stopping TorchServe")
    picture = work_dir / "coins.png"
    cv2.imwrite(str(picture), draw(load_photograph(), detections, scale=PICTURE_SCALE))
    say(f"Done: the annotated picture is {picture}")
    return picture


def describe(detections: Predictions, seconds: float) -> str:
    """Say what was found: a table of the instances and a line that counts them."""
    lines = ["     score    x0    y0    x1    y1  pixels"]
    for index in range(len(detections)):
        corners = " ".join(f"{value:5.1f}" for value in detections.boxes_xyxy[index])
        pixels = "" if detections.masks is None else f"{detections.masks[index].sum():7d}"
        lines.append(f"{index + 1:4d} {detections.scores[index]:5.3f} {corners} {pixels}")
    height, width = detections.size_hw
    name, version = detections.model_name, detections.model_version
    lines.append(
        f"{len(detections)} coins found by {name} {version} in {width} x {height} pixels, "
        f"{seconds:.2f} s"
    )
    return "\n".join(lines)


def say(step: str) -> None:
    """Announce a step."""
    print(f"==> {step}", flush=True)


def _show_seconds(passed: float) -> None:
    if sys.stdout.isatty():
        print(
            f"\r    waiting for the worker to load the model: {passed:.0f} s", end="\r", flush=True
        )


def main() -> int:
    """Run the command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.coins.demo",
        description="Serve model_store/coins.mar, ask it about a photograph, draw the answer.",
    )
    add = parser.add_argument
    add("--ts-config", type=Path, default=Path("config.properties"), metavar="FILE")
    add("--model-store", type=Path, default=Path("model_store"), metavar="DIR")
    add("--work-dir", type=Path, default=Path("build/demo"), metavar="DIR")
    arguments = parser.parse_args()
    try:
        run(
            config=arguments.ts_config,
            model_store=arguments.model_store,
            work_dir=arguments.work_dir,
        )
    except (ServerError, ClientError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; the server is stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
