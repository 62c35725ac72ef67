"""Begin a run, or go on with one: whom to ask, which version of it, and where answers are kept."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.answers.header import header_of
from client.answers.journal import Journal
from client.answers.run import SAMPLE
from client.answers.same_export import is_of_the_same_export
from client.connection import Connection
from client.detector import Detector
from client.errors import ClientError, RequestRefused
from client.patience import Patience
from client.question import Options


@dataclass(frozen=True)
class Run:
    """A run that has begun.

    Attributes:
        detector: Names model and version, so that all answers are of one.
        journal: Its answers.
        model: Name of the model.
        version: Its version.
        options: Of every request.
        description: What the model says of itself (docs/api.md); None where the management API was
            never reached.
        is_same_export: Whether answers of an earlier run are known to be of the archive that is
            served now, because both have described themselves.
    """

    detector: Detector
    journal: Journal
    model: str
    version: str
    options: Options
    description: dict[str, Any] | None
    is_same_export: bool


@contextlib.contextmanager
def open_run(
    connection: Connection,
    *,
    file: Path,
    model: str | None = None,
    version: str | None = None,
    options: Options | None = None,
    restart: bool = False,
    patience: Patience | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Run]:
    """Open a run.

    A new one begins with a question about a small image. It shows a wrong key, model, version or
    option before anything else is done, and which version answers. One that goes on asks about no
    image here: where the journal has all answers no server is needed. Where the management API is
    reached, the model describes itself, so that no run mixes answers of two exports.

    Args:
        connection: The server.
        file: The journal.
        model: Name of the served model; None is that of the journal, else the only one.
        version: Its version; None is that of the journal, else the server's default one now.
        options: Of every request.
        restart: Whether to delete what the journal holds, when it is begun.
        patience: With a server that does not answer.
        stopped: Says whether to wait for it no longer.

    Raises:
        ClientError: The server does not answer or refuses, the model is not clear, or the journal
            is of another run or export.
    """
    options = options or Options()
    before = None if restart else header_of(file)
    about = None
    if before is None:
        model = model or _only_model(connection)
        with _detector(connection, model, version, patience) as detector:
            version = _answering_version(detector, options, stopped)
        about = _description(connection, model, version)
    else:
        model = model or str(before.settings["model"])
        version = version or str(before.settings["version"])
    settings: dict[str, Any] = {"model": model, "version": version, "options": options.given()}
    with (
        _detector(connection, model, version, patience) as detector,
        Journal(file, settings, about=about, restart=restart) as journal,
    ):
        same = before is None or is_of_the_same_export(
            journal, _description(connection, model, version), f"{model} {version}"
        )
        yield Run(detector, journal, model, version, options, journal.about, same)


def _detector(
    connection: Connection, model: str, version: str | None, patience: Patience | None
) -> Detector:
    return Detector(
        connection.inference_url,
        model,
        version=version,
        token=connection.inference_key or "",
        timeout_s=connection.timeout_s,
        patience=patience,
    )


def _only_model(connection: Connection) -> str:
    try:
        models = connection.management.models()
    except ClientError as error:
        raise ClientError(
            f"Which model is served is not known, so name it with --model: {error}"
        ) from error
    if len(models) != 1:
        served = ", ".join(sorted(models)) or "none"
        raise ClientError(
            f"The server serves {len(models)} models ({served}): name one with --model."
        )
    return models[0]


def _answering_version(detector: Detector, options: Options, stopped: Callable[[], bool]) -> str:
    try:
        answer = detector.answer(SAMPLE, options, stopped=stopped)
    except RequestRefused as error:
        if error.type == "InvalidOption" and "proposals" in str(error):
            raise ClientError(
                f"{detector.model} looks for objects in boxes that it is given with each image "
                "(proposals), which this command cannot send."
            ) from error
        raise
    return str(answer.document["model"]["version"])


def _description(connection: Connection, model: str, version: str) -> dict[str, Any] | None:
    try:
        return connection.management.ask_itself(model, version) or None
    except ClientError:
        return None  # callers often reach the inference API alone
