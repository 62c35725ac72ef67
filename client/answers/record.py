"""What became of one image of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from client.errors import ClientError, RequestRefused
from client.predictions import Predictions


@dataclass(frozen=True)
class Failure:
    """Why an image has no answer.

    Attributes:
        type: The error's name, such as `UndecodableImage`; `ClientError` where it was never sent.
        message: The sentence.
    """

    type: str
    message: str

    @classmethod
    def of(cls, error: ClientError) -> "Failure":
        """Of what a request raised."""
        kind = error.type if isinstance(error, RequestRefused) else type(error).__name__
        return cls(kind, str(error))


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
    """

    image: str
    fingerprint: str
    seconds: float
    document: Mapping[str, Any] | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def predictions(self) -> Predictions | None:
        """The answer as numpy; None where there is none."""
        if self.document is None:
            return None
        return Predictions.from_native(self.document, self.stages)
