"""`python -m client ready`: whether predictions really work, for containers and scripts.

TorchServe's own `/ping` says Healthy while models load, while they fail to load, and for archives
that could not be opened.

Exit codes: 0 ready; 1 not ready, in a sentence; 2 usage.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TypeVar

from client.connection import Connection, add_connection, connect
from client.errors import ClientError
from client.probing import probe
from client.sample_image import sample_png

T = TypeVar("T")

STOPPING_FILE = ".stopping"
"""Lies beside `key_file.json` while `python -m server` answers what is left before it stops."""

_TIMEOUT_S = 20.0
_GRACE_S = 1.0
"""After that, for an answer that is on its way; and where a question is asked again, the limit."""

_SIZE_WH = (128, 32)
"""Networks enlarge an image to the size they were trained for; a long one stays cheap."""

EPILOG = """\
example:
  python -m client ready --model pets

  pets 1.0 is ready: 1 worker, a small image was answered in 0.12 s.

  A model is ready when all workers of its default version are, and a small image is answered with
  200 in time. All models are asked at once, and --timeout is for all of them together. A busy
  server may not be in time, and is not ready: that is what keeps more work from it. So this is a
  readiness check; a check that restarts the server should give it a longer --timeout, and several
  attempts.

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
    """Look at models, at all of them at once.

    Args:
        connection: The server; its time-out is for everything together.
        models: Names; none is all that it serves.

    Raises:
        ClientError: The server does not answer.
    """
    if (connection.key_folder / STOPPING_FILE).exists():
        sentence = "The server is not ready: it stops when it has answered what it was sent."
        return [Readiness(None, None, False, sentence)]
    end = time.monotonic() + connection.timeout_s
    late = f"no answer within {connection.timeout_s:g} s"
    if not models:
        listing = _begin(connection.management.models)
        wait([listing], _until(end + _GRACE_S))
        if not listing.done():
            raise ClientError(f"{connection.management_url} gave {late}.")
        models = listing.result()
    if not models:
        return [Readiness(None, None, False, "The server serves no model.")]
    checks = {
        name: _begin(partial(_of_model, connection, name, end)) for name in sorted(set(models))
    }
    wait(checks.values(), _until(end + _GRACE_S))
    return [
        check.result()
        if check.done()
        else Readiness(name, None, False, f"{name} is not ready: {late}.")
        for name, check in checks.items()
    ]


def _begin(ask: Callable[[], T]) -> "Future[T]":
    """Ask in a thread of its own, for whose end nobody has to wait."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(ask())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _until(moment: float) -> float:
    """Seconds, and a little where there are none: nobody takes 0 for a time-out."""
    return max(moment - time.monotonic(), 0.001)


def _of_model(connection: Connection, model: str, end: float) -> Readiness:
    try:
        served = replace(connection, timeout_s=_until(end)).management.version(model)
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
            timeout_s=_until(end),
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
    add_connection(parser, timeout_s=_TIMEOUT_S, waits_for="all answers together")
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
