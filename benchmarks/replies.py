"""One answer of a server."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

OK = 200


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        status: HTTP status.
        body: Response body.
        headers: Response headers, names in small letters.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def stages_ms(self) -> dict[str, float]:
        """Milliseconds by stage, as the Server-Timing header has them."""
        stages = {}
        for part in self.headers.get("server-timing", "").split(","):
            name, _, duration = part.strip().partition(";dur=")
            if duration:
                stages[name] = float(duration)
        return stages


Ask: TypeAlias = Callable[[int], Awaitable[Reply]]
"""Asks about the image of this number."""
