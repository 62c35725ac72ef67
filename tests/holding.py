"""A model that answers when it is let, and requests that wait for it."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests
import yaml

from client.management import ManagementClient
from client.sample_image import sample_png
from torture.variants import ENTRY, appended, make_variant

# A request names the folder of its gate. Each that a worker has taken leaves a file there; they are
# answered when there is a file `open`.
HANDLER = appended(
    """import pathlib, time, uuid
_answer = Detectron2Handler.handle
def _held(self, data, context):
    headers = context.get_all_request_header(0)
    if "X-Large" in headers:
        return [bytes(int(headers["X-Large"]))] * len(data)
    if "X-Gate" in headers:
        gate = pathlib.Path(headers["X-Gate"])
        for _ in data:
            (gate / f"taken-{uuid.uuid4()}").touch()
        while not (gate / "open").exists():
            time.sleep(0.01)
    return _answer(self, data, context)
Detectron2Handler.handle = _held
"""
)


def make_held(archive: Path, destination: Path, **settings: object) -> Path:
    """Write such a model as a variant of an archive; its name is that of the new file.

    Args:
        archive: Made by `python -m export`.
        destination: The new file.
        settings: Lines of its model-config.yaml.
    """

    def set_lines(content: bytes) -> bytes:
        return yaml.safe_dump({**yaml.safe_load(content), **settings}).encode()

    edits = {ENTRY: HANDLER, "model-config.yaml": set_lines}
    return make_variant(archive, destination, "1.0", edits, model=destination.stem)


class Caller(threading.Thread):
    """One request, sent at once; `answer` is None where the connection broke off."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float = 120) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._timeout_s = timeout_s
        self._headers = {"Content-Type": "image/png", **headers}
        self.answer: requests.Response | None = None
        self.start()

    def run(self) -> None:
        with contextlib.suppress(requests.RequestException):
            self.answer = requests.post(
                self._url,
                data=sample_png(64, 48),
                headers=self._headers,
                timeout=(30, self._timeout_s),
            )

    @property
    def status(self) -> int | None:
        return None if self.answer is None else self.answer.status_code


class Gate:
    """Requests to held models, and when they are answered."""

    def __init__(self, folder: Path, inference_url: str, token: str) -> None:
        """Set up.

        Args:
            folder: It is made; who runs the server may read it.
            inference_url: Of the server.
            token: The inference key.
        """
        folder.mkdir()
        self._folder = folder
        self._url = inference_url
        self._headers = {"Authorization": f"Bearer {token}", "X-Gate": str(folder)}

    def send(self, path: str, *, timeout_s: float = 120) -> Caller:
        """One request to a model, or as `NAME/VERSION` to one of its versions."""
        return Caller(f"{self._url}/predictions/{path}", self._headers, timeout_s)

    def hold(self, path: str, *, timeout_s: float = 120) -> Caller:
        """One request; returns when a worker has it."""
        before = self._taken()
        caller = self.send(path, timeout_s=timeout_s)
        wait_until(lambda: self._taken() > before)
        return caller

    def ask(self, management: ManagementClient, model: str, count: int) -> list[Caller]:
        """So many requests at once; returns when the server has them, in workers or queue."""
        before = self._arrived(management, model)
        callers = [self.send(model) for _ in range(count)]
        wait_until(lambda: self._arrived(management, model) >= before + count)
        return callers

    def open(self) -> None:
        """Let all be answered, and those that come later."""
        (self._folder / "open").touch()

    def _arrived(self, management: ManagementClient, model: str) -> int:
        # In this order none is counted twice; one that is taken in between is missed for a moment.
        return self._taken() + management.version(model).pending

    def _taken(self) -> int:
        return len(list(self._folder.glob("taken-*")))


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what is about to happen; a minute is what it never takes."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def statuses(callers: list[Caller]) -> list[int | None]:
    """What they got, when they have got it."""
    for caller in callers:
        caller.join()
    return [caller.status for caller in callers]
