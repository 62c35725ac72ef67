"""T: a handler that does nothing, for what TorchServe itself takes.

It answers with as many bytes as the header `X-Body-Bytes` says, which are as many as our handler
answers with for the same image.
"""

from typing import Any


class NoopHandler:
    """Answers without looking."""

    def initialize(self, context: Any) -> None:
        """Nothing to load."""

    def handle(self, data: Any, context: Any) -> list[Any]:
        """Answer a batch."""
        return [
            b" " * int(context.get_request_header(index, "X-Body-Bytes"))
            for index in range(len(data))
        ]
