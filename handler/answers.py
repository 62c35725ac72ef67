"""The bodies of one request's images -> its answer, in the envelope that it was asked in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from handler.errors import HandlerError, InvalidRequest, ResponseTooLarge
from handler.formats.compact_json import compact_json
from handler.formats.registry import FORMATS
from handler.options import Options
from handler.outcome import Outcome, Timings, attempt
from handler.record import Record
from handler.request import Envelope, Request

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """What one client gets.

    Attributes:
        body: Encoded response body.
        content_type: Its media type.
        status: HTTP status.
        headers: Further response headers, ASCII.
        record: What happened on the way, for metrics and logs.
    """

    body: bytes
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    record: Record = field(default_factory=Record)


@dataclass(frozen=True)
class Asked:
    """One request, read.

    Attributes:
        request: As it was sent.
        options: Checked.
        record: What happens on the way to its answer.
    """

    request: Request
    options: Options
    record: Record = field(default_factory=Record)

    @property
    def timings(self) -> Timings:
        """Of all its images together."""
        return self.record.timings


def assemble(asked: Outcome[Asked], bodies: Sequence[Outcome[bytes]], *, max_bytes: int) -> Answer:
    """Put a request's answer together.

    Args:
        asked: The request, or why it could not be read.
        bodies: Of its images, in their order.
        max_bytes: Largest answer; a larger one becomes an error.
    """
    if isinstance(asked, HandlerError):
        return error_answer(asked)
    record = asked.record
    headers = {"Server-Timing": record.timings.header()} if record.timings else {}
    body = attempt(lambda parts: _enveloped(asked, parts), bodies)
    if not isinstance(body, HandlerError) and len(body) > max_bytes:
        body = ResponseTooLarge(
            f"The answer has {len(body)} bytes, at most {max_bytes} are sent; ask for fewer "
            "detections, a smaller image or another format."
        )
    if isinstance(body, HandlerError):
        if body not in bodies:  # an image's own is recorded with it
            record.errors.append(body.type)
        record.class_names.clear()  # found, and not answered
        return replace(error_answer(body), headers=headers, record=record)
    is_list = asked.request.envelope is Envelope.INSTANCES
    content_type = JSON if is_list else FORMATS[asked.options.format].content_type
    return Answer(body, content_type, headers=headers, record=record)


def error_answer(error: HandlerError) -> Answer:
    """The answer that says what went wrong."""
    return Answer(
        compact_json(_document(error)), status=error.status, record=Record(errors=[error.type])
    )


def _enveloped(asked: Asked, bodies: Sequence[Outcome[bytes]]) -> bytes:
    envelope = asked.request.envelope
    if envelope is Envelope.INSTANCES:
        return _list(asked, bodies)
    (body,) = bodies
    if isinstance(body, HandlerError):
        raise body
    if envelope is Envelope.V2 and asked.request.id is not None and body.startswith(b"{"):
        return compact_json({"id": asked.request.id, **json.loads(body)})
    return body


def _list(asked: Asked, bodies: Sequence[Outcome[bytes]]) -> bytes:
    """KServe v1's list; an image that failed has its error in its place."""
    if not FORMATS[asked.options.format].content_type.endswith("json"):
        raise InvalidRequest(
            f'Format "{asked.options.format}" answers one image; "instances" has a list of them.'
        )
    errors = [body for body in bodies if isinstance(body, HandlerError)]
    if len(errors) == len(bodies):
        raise errors[0]
    parts = [compact_json(_document(b)) if isinstance(b, HandlerError) else b for b in bodies]
    return b'{"predictions":[' + b",".join(parts) + b"]}"


def _document(error: HandlerError) -> dict[str, Any]:
    """The keys that TorchServe's own error bodies have."""
    return {"code": error.status, "type": error.type, "message": str(error)}
