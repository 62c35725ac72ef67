"""`python -m client ready`: whether predictions really work, for containers and scripts.

TorchServe's own `/ping` says Healthy while models load, while they fail to load, and for archives
that could not be opened.

Exit codes: 0 ready; 1 not ready, in a sentence; 2 usage.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from client.connection import Connection, add_connection, connect
from client.errors import ClientError
from client.probing import probe
from client.sample_image import sample_png

STOPPING_FILE = ".stopping"
"""Lies beside `key_file.json` while `python -m server` answers what is left before it stops."""

_TIMEOUT_S = 20.0
_SIZE_WH = (128, 32)
"""Networks enlarge an image to the size they were trained for; a long one stays cheap."""

EPILOG = """\
example:
  python -m client ready --model pets

  pets 1.0 is ready: 1 worker, a small image was answered in 0.12 s.

  A model is ready when all workers of its default version are, and a small image is answered with
  200 in time. A busy server may not be in time, and is not ready: that is what keeps more work from
  it. So this is a readiness check; a check that restarts the server should give it a longer
  --timeout, and several attempts.

exit codes: 0 ready; 1 not ready; 2 usage
"""


@dataclass(frozen=True)
class Readiness:
    """Of one model, or of a server that has none.

    Attributes:
        model: Its name; None where there is no model.
        version: Its default version; None where it is not known.
        ready: Whether predictions work.
        sentence: Says so, or why not.
        seconds: Until the small image was answered; None where it was not.
    """

    model: str | None
    version: str | None
    ready: bool
    sentence: str
    seconds: float | None = None


def readiness(connection: Connection, models: Sequence[str] = ()) -> list[Readiness]:
    """Look at models.

    Args:
        connection: The server.
        models: Names; none is all that it serves.

    Raises:
        ClientError: The server does not answer.
    """
    if (connection.key_folder / STOPPING_FILE).exists():
        sentence = "The server is not ready: it stops when it has answered what it was sent."
        return [Readiness(None, None, False, sentence)]
    names = models or connection.management.models()
    if not names:
        return [Readiness(None, None, False, "The server serves no model.")]
    return [_of_model(connection, name) for name in sorted(names)]


def _of_model(connection: Connection, model: str) -> Readiness:
    try:
        served = connection.management.version(model)
    except ClientError as error:
        return Readiness(model, None, False, f"{model} is not ready: {error}")
    name = f"{model} {served.version}"
    if not served.is_ready:
        states = ", ".join(worker.status for worker in served.workers) or "none"
        sentence = f"{name} is not ready: of {served.min_workers} workers there are: {states}."
        return Readiness(model, served.version, False, sentence)
    start = time.perf_counter()
    try:
        probe(
            connection.inference_url,
            sample_png(*_SIZE_WH),
            model=model,
            token=connection.inference_key,
            timeout_s=connection.timeout_s,
        )
    except ClientError as error:
        sentence = f"{name} is not ready: its workers are, and a small image got: {error}"
        return Readiness(model, served.version, False, sentence)
    seconds = time.perf_counter() - start
    workers = "1 worker" if len(served.workers) == 1 else f"{len(served.workers)} workers"
    sentence = f"{name} is ready: {workers}, a small image was answered in {seconds:.2f} s."
    return Readiness(model, served.version, True, sentence, seconds)


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m client ready",
        description="Say whether predictions really work.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model",
        dest="models",
        action="append",
        default=[],
        metavar="NAME",
        help="a model that has to be ready; may be repeated (default: all that are served)",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    add_connection(parser, timeout_s=_TIMEOUT_S)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    arguments = build_parser().parse_args(argv)
    try:
        found = readiness(connect(arguments), arguments.models)
    except ClientError as error:
        found = [Readiness(None, None, False, f"The server is not ready: {error}")]
    ready = all(one.ready for one in found)
    if arguments.json:
        print(json.dumps({"ready": ready, "models": [asdict(one) for one in found]}, indent=2))
    else:
        for one in found:
            print(one.sentence, file=sys.stdout if one.ready else sys.stderr)
    return 0 if ready else 1
