"""What became of one image of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from client.errors import ClientError, RequestRefused
from client.predictions import Predictions

_OF_THE_BYTES = ("EmptyRequest", "InvalidRequest", "UndecodableImage", "UnsupportedImage")
"""What the handler says of an image, and would say again."""
_HANDLERS_TOO_LARGE = ("ImageTooLarge", "ResponseTooLarge")
HANDLERS_ERRORS = (
    *_OF_THE_BYTES,
    *_HANDLERS_TOO_LARGE,
    *("InvalidOption", "InternalError", "OutOfMemory"),
)
"""Types of errors that the handler answers with (docs/api.md): all speak of one image."""

TOO_LARGE = 413
_WHY = " (the request has more bytes than max_request_size of its config.properties)"


@dataclass(frozen=True)
class Failure:
    """Why an image has no answer.

    Attributes:
        type: The error's name, such as `UndecodableImage`; `ClientError` where it was never sent.
        message: The sentence.
        status: Of HTTP; None where there was no answer at all.
    """

    type: str
    message: str
    status: int | None = None

    @classmethod
    def of(cls, error: ClientError) -> "Failure":
        """Of what a request raised."""
        if isinstance(error, RequestRefused):
            # TorchServe's own 413 has no body that says why.
            why = "" if error.status != TOO_LARGE or error.type in _HANDLERS_TOO_LARGE else _WHY
            return cls(error.type, f"{error}{why}", error.status)
        return cls(type(error).__name__, str(error))

    @property
    def may_pass(self) -> bool:
        """Whether the same image may be answered another time.

        Limits can be raised, and what stands before the server says nothing of the image.
        """
        return self.type not in _OF_THE_BYTES


@dataclass(frozen=True)
class Record:
    """An image and its answer, or why it has none.

    Attributes:
        image: Its name in the run.
        fingerprint: Differs when the file has changed.
        seconds: From the request, repetitions included, to the answer.
        document: The answer, in the format `native`.
        stages: Seconds of each stage on the server.
        failure: Why there is no answer.
        earlier: Whether an earlier run has asked.
    """

    image: str
    fingerprint: str
    seconds: float
    document: Mapping[str, Any] | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    failure: Failure | None = None
    earlier: bool = False

    @property
    def predictions(self) -> Predictions | None:
        """The answer as numpy; None where there is none."""
        if self.document is None:
            return None
        return Predictions.from_native(self.document, self.stages)
