"""What passes between gateways and replicas; plain values, as each may run another handler."""

from collections.abc import Mapping
from dataclasses import dataclass, field

JSON = "application/json"


@dataclass(frozen=True)
class Asked:
    """One HTTP request.

    Attributes:
        headers: As they were sent, names in small letters, of several with one name the last.
        body: As it was sent.
    """

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One HTTP response.

    Attributes:
        status: HTTP status.
        body: Encoded.
        content_type: Of the body; None where there is no body.
        headers: Further ones, ASCII.
    """

    status: int
    body: bytes = b""
    content_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
