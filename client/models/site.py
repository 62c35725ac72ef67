"""One server and its model store, as the commands need them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from client.inference import InferenceApi
from client.management import ManagementClient
from client.models.arrivals import arrivals
from client.models.interrupts import Interrupts
from client.models.store import ModelStore

Step = Callable[[str], None]
"""Gets a sentence before each step, and the same now and then while the step lasts."""


@dataclass(frozen=True)
class Site:
    """Where versions are changed.

    Attributes:
        management: The server's management API.
        inference: Its inference API.
        store: The folder that it loads archives from.
        logs: Its folder of logs, where it can be read from here.
        step: Gets a sentence before each step.
        metrics: Its metrics address, or None where that is not known.
        interrupts: What keeps signals away from moments that must not be left half done.
    """

    management: ManagementClient
    inference: InferenceApi
    store: ModelStore
    logs: Path | None = None
    step: Step = lambda _: None
    metrics: str | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)

    def arrivals(self, model: str, version: str) -> float | None:
        """How many requests have named a version; None where that cannot be known."""
        return None if self.metrics is None else arrivals(self.metrics, model, version)
