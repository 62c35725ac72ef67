"""Ask a served model about images: the client's Python API."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar
from urllib.parse import quote, unquote, urlsplit

import numpy as np
import numpy.typing as npt
import requests

from client.errors import ClientError
from client.http import TIMEOUT_S, Answer, exchange, find_key, open_session
from client.management import ManagementClient
from client.patience import Patience
from client.predictions import Predictions
from client.question import Image, Options, question
from client.window import in_order

_PREDICTIONS = "/predictions/"
_MANAGEMENT_PORT = 8081

AnyImage = TypeVar("AnyImage", bound=Image)


@dataclass(frozen=True)
class Outcome(Generic[AnyImage]):
    """What became of one of many images; either of the two is there.

    Attributes:
        image: As it was given.
        predictions: What the model says.
        error: Why there is no answer.
    """

    image: AnyImage
    predictions: Predictions | None
    error: ClientError | None


class Detector:
    """A served model.

        with Detector("http://127.0.0.1:8080", "pets") as detector:
            found = detector.predict("cat.jpg", score_threshold=0.5)

    Connections are kept between requests, as many as there were requests at a time. A `Detector`
    may be used from several threads.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        model: str | None = None,
        *,
        version: str | None = None,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        patience: Patience | None = None,
    ) -> None:
        """Set up; nothing is sent yet.

        Args:
            url: Of the server's inference API. `http://HOST/predictions/pets/2.0` names model and
                version as well.
            model: Name of the served model. None asks the management API, on port 8081 of that
                machine, for the only one.
            version: Its version; None is the server's default one at each request.
            token: The inference key. None takes `TORCHSERVE_INFERENCE_KEY` of the environment, or
                that of `key_file.json` in this folder where there is one.
            timeout_s: Longest wait for an answer.
            patience: How long to repeat requests that a busy or restarting server did not answer.

        Raises:
            ClientError: `url` and arguments name different models or versions, or the key file is
                none.
        """
        base, separator, path = url.rstrip("/").partition(_PREDICTIONS)
        named, _, named_version = (unquote(part) for part in path.partition("/"))
        for what, first, second in (("model", named, model), ("version", named_version, version)):
            if separator and first and second and first != second:
                raise ClientError(f"{url} names the {what} {first}, and {what} is {second}.")
        self._url = base.rstrip("/")
        self._model = model or named or None
        self._version = version or named_version or None
        self._token = find_key(Path(), "inference") if token is None else token
        self._timeout_s = timeout_s
        self._patience = patience or Patience()
        self._idle: list[requests.Session] = []
        self._closed = threading.Event()

    def predict(
        self,
        image: Image,
        *,
        score_threshold: float | None = None,
        max_detections: int | None = None,
        classes: Sequence[str | int] | int | None = None,
        tile: int | None = None,
        overlap: float | None = None,
        proposals: Sequence[Sequence[float]] | npt.NDArray[np.float32] | None = None,
    ) -> Predictions:
        """Ask about one image.

        Args:
            image: A file's path, an encoded file's bytes, or (H, W, 3) uint8 pixels, BGR.
            score_threshold: Least score of an instance; 0 to 1.
            max_detections: The best so many instances.
            classes: Names or ids of the classes that are wanted, or one of them.
            tile: Side of the tiles that the image is cut into, in pixels.
            overlap: The share of that side that neighbouring tiles have in common; 0 to 0.5.
            proposals: Boxes to look in, (P, 4) x0, y0, x1, y1, of a model that takes them.

        Raises:
            client.errors.RequestRefused: The server answered with an error.
            client.errors.ServerUnreachable: Nobody answers, or not in time.
            client.errors.ClientError: The image cannot be read, or an option is no such value.
        """
        options = Options(score_threshold, max_detections, classes, tile, overlap)
        return predictions_of(self.answer(image, options, proposals))

    def predict_many(
        self, images: Iterable[AnyImage], options: Options | None = None, *, workers: int = 4
    ) -> Iterator[Outcome[AnyImage]]:
        """Ask about many images, several at a time.

        Images are taken when there is room for them, so there may be any number. An image that
        fails ends nothing. A server that stays away is waited for at each image, as `patience`
        says: stop at the first `ServerUnreachable` where that is too long. When the iterator is
        closed, requests that are under way are waited for and not repeated.

        Args:
            images: Each as `predict` takes it.
            options: For all of them.
            workers: How many requests at a time.

        Yields:
            What became of each, in their order.
        """
        ended = threading.Event()

        def ask(image: AnyImage) -> Outcome[AnyImage]:
            try:
                answered = self.answer(image, options, stopped=ended.is_set)
                return Outcome(image, predictions_of(answered), None)
            except ClientError as error:
                return Outcome(image, None, error)

        with contextlib.closing(in_order(ask, images, workers=workers, ending=ended.set)) as found:
            for _, outcome in found:
                yield outcome

    def answer(
        self,
        image: Image,
        options: Options | None = None,
        proposals: Sequence[Sequence[float]] | npt.NDArray[np.float32] | None = None,
        *,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """Ask about one image, and have the answer as it came, in the format `native`.

        Args:
            image: As `predict` takes it.
            options: What else is asked for.
            proposals: As `predict` takes them.
            stopped: Says whether a request without an answer is not to be repeated any more.

        Raises:
            ClientError: As from `predict`.
        """
        asked = question(image, options, proposals)
        path = quote(self.model, safe="") + (
            f"/{quote(self._version, safe='')}" if self._version else ""
        )

        def ask() -> Answer:
            with self._session() as session:
                return exchange(
                    "POST",
                    f"{self._url}{_PREDICTIONS}{path}",
                    token=self._token,
                    data=asked.body,
                    headers=asked.headers,
                    timeout_s=self._timeout_s,
                    session=session,
                )

        answered = self._patience.call(ask, stopped=lambda: self._closed.is_set() or stopped())
        if not (isinstance(answered.document, dict) and "predictions" in answered.document):
            raise ClientError(
                f"{self._url} answers, but not as a Detectron2 model of this project."
            )
        return answered

    @property
    def model(self) -> str:
        """Its name.

        Raises:
            ClientError: It was not given, and the server does not serve exactly one model.
        """
        if self._model is None:
            self._model = _only_model(self._url)
        return self._model

    def close(self) -> None:
        """Close the connections; requests that are under way are not repeated."""
        self._closed.set()
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> "Detector":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """A connection that nobody else has meanwhile; taking and putting back are atomic."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = open_session(self._url)
        try:
            yield session
        finally:
            if self._closed.is_set():
                session.close()
            else:
                self._idle.append(session)


def predictions_of(answer: Answer) -> Predictions:
    """Read an answer with what its headers say of the time that it took."""
    return Predictions.from_native(answer.document, stage_seconds(answer.headers))


def stage_seconds(headers: Mapping[str, str]) -> dict[str, float]:
    """How long the server took for each stage, by its name in the header `Server-Timing`."""
    found = re.findall(r"([\w-]+);dur=([0-9.]+)", headers.get("Server-Timing", ""))
    return {stage: float(milliseconds) / 1000 for stage, milliseconds in found}


def _only_model(url: str) -> str:
    hint = "name the model: Detector(url, 'pets'), or Detector('http://HOST:8080/predictions/pets')"
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ClientError(f"{url} is not an address of a server ({error}).") from error
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    management = f"{parts.scheme}://{bracketed}:{_MANAGEMENT_PORT}"
    try:
        models = ManagementClient(management, find_key(Path(), "management")).models()
    except ClientError as error:
        raise ClientError(f"{management} does not say which model is served, so {hint}.") from error
    if len(models) != 1:
        served = ", ".join(sorted(models)) or "none"
        raise ClientError(f"{url} serves {len(models)} models ({served}), so {hint}.")
    return next(iter(models))
