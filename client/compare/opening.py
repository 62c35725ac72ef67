"""Begin to ask two versions, or go on: a run and a journal for each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from client.answers.opening import Run, open_run
from client.connection import Connection
from client.errors import ClientError, RequestRefused
from client.patience import Patience
from client.question import Options
from client.wording import some

JOURNALS = ("answers.old.jsonl", "answers.new.jsonl")


@contextmanager
def both_runs(
    connection: Connection,
    versions: tuple[str, str],
    folder: Path,
    *,
    model: str | None = None,
    options: Options | None = None,
    patience: Patience | None = None,
    restart: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Run, Run]]:
    """Open the runs of both versions, as `open_run` does.

    Args:
        connection: The server.
        versions: The old one and the new one; of the same model.
        folder: Where their journals are.
        model: Name of the model; None is that of the journals, else the only one.
        options: Of every request.
        patience: With a server that does not answer.
        restart: Whether to delete what the journals hold.
        stopped: Says whether to wait for the server no longer.

    Raises:
        ClientError: As from `open_run`; a version is not served.
    """
    begin = partial(
        open_run, connection, options=options, patience=patience, restart=restart, stopped=stopped
    )
    files = [folder / name for name in JOURNALS]
    served = partial(_said_if_not_served, connection)
    with (
        served(model, versions[0]),
        begin(file=files[0], model=model, version=versions[0]) as old,
        served(old.model, versions[1]),
        begin(file=files[1], model=old.model, version=versions[1]) as new,
    ):
        yield old, new


@contextmanager
def _said_if_not_served(connection: Connection, model: str | None, version: str) -> Iterator[None]:
    try:
        yield
    except RequestRefused as error:
        if error.type != "ModelVersionNotFoundException":
            raise
        there = _there(connection, model)
        raise ClientError(
            f"Version {version} is not served{there}. Both have to be: `python -m client models "
            "register FILE.mar` serves one more beside the default one (docs/versions.md)."
        ) from error


def _there(connection: Connection, model: str | None) -> str:
    try:
        names = [model] if model else connection.management.models()
        versions = [one.version for name in names for one in connection.management.versions(name)]
    except ClientError:
        return ""  # callers often reach the inference API alone
    return f"; of {some(names)} there are {some(sorted(versions))}"
