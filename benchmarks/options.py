"""What is measured, and how long."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

SCHEMA = 1
"""Of a result's JSON."""

ARMS = {
    "B0": "the model's forward alone, on inputs that lie ready",
    "B1": "cv2.imdecode, then DefaultPredictor",
    "B2": "B1, then Detectron2's own run lengths and json.dumps: a serial service without a server",
    "B1xP": "B1 in as many processes as S has workers",
    "H": "our handler, called in this process",
    "S": "our handler in TorchServe, a worker for each core, kept busy",
    "S1": "our handler in TorchServe, one worker with all cores; one client, and kept busy",
    "N1": "in TorchServe the handler that people write: masks as lists, a dictionary returned",
    "N2": "LitServe hosting DefaultPredictor with run lengths",
    "T": "TorchServe with a handler that does nothing; with one that computes as long as S1's",
}
"""All arms; B1 is always measured, because the others are held against it."""

MODELS = ("coins", "r50", "wide")
"""Names of the models, in the order in which they are measured."""


@dataclass(frozen=True)
class Options:
    """One benchmark of one model.

    Attributes:
        model: Name among `MODELS`.
        device: `cpu` or `cuda`.
        arms: Names among `ARMS`.
        precisions: Of S: `exact` and others that the export takes.
        rounds: How often the arms take turns.
        requests: Images of one arm in one round.
        open_requests: Requests of the open loop; 0 for none, nor S with ever more clients.
        one_by_one: One client asks S and N1 about each image besides, for what mask pixels cost.
        starts: How often a server is started to see how long that takes.
        passes: Times that every image is sent to several workers before the clock runs.
        images: How many of the material.
        threads: Of torch, where one process has the machine for itself.
        workers: Of S, N1, N2, and processes of B1xP.
        full_size: Images are resized for R50 as in the zoo.
    """

    model: str
    device: str
    arms: tuple[str, ...]
    precisions: tuple[str, ...]
    rounds: int
    requests: int
    open_requests: int
    one_by_one: bool
    starts: int
    passes: int
    images: int
    threads: int
    workers: int
    full_size: bool

    @property
    def worker_threads(self) -> int:
        """Of torch, in each of several workers."""
        return max(self.threads // self.workers, 1)

    @property
    def light_requests(self) -> int:
        """Requests of one round for what takes long: N1, and S on the same images."""
        return max(self.requests // 4, min(self.requests, 6))

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


_FEW_ARMS = ("B0", "B1", "B2", "S", "S1")

_ON_CPU: dict[str, dict[str, Any]] = {
    "coins": {"requests": 32, "open_requests": 1000, "passes": 2, "one_by_one": True},
    "r50": {
        **{"requests": 10, "open_requests": 60, "passes": 1},
        "precisions": ("exact", "fast", "bf16"),
        # N2 computes what S does, and here its server weighs nothing.
        "arms": tuple(name for name in ARMS if name != "N2"),
    },
    "wide": {
        **{"requests": 10, "open_requests": 0, "passes": 1},
        "precisions": ("exact", "fast", "bf16"),
        "arms": _FEW_ARMS,
    },
}
_ON_GPU: dict[str, dict[str, Any]] = {
    "coins": {"requests": 64, "open_requests": 1000, "passes": 2},
    "r50": {
        **{"requests": 64, "open_requests": 1000, "passes": 2},
        "precisions": ("exact", "fp16", "bf16"),
    },
    "wide": {
        **{"requests": 64, "open_requests": 0, "passes": 1},
        "precisions": ("exact", "fp16", "bf16"),
        "arms": _FEW_ARMS,
    },
}
_GPU_WORKERS = 4


def options_for(
    model: str,
    *,
    gpu: bool,
    quick: bool,
    arms: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
    rounds: int | None = None,
    requests: int | None = None,
    workers: int | None = None,
    threads: int | None = None,
) -> Options:
    """What is usual for a model, and what is given.

    Args:
        model: Name among `MODELS`.
        gpu: Run the model on a GPU.
        quick: As little as shows that everything works.
        arms: Names among `ARMS`.
        precisions: See `Options`.
        rounds: See `Options`.
        requests: See `Options`.
        workers: See `Options`; all cores, or four on a GPU.
        threads: See `Options`; all cores that this process may use.
    """
    usual = (_ON_GPU if gpu else _ON_CPU)[model]
    cores = threads or len(os.sched_getaffinity(0))
    wanted = {*(arms or usual.get("arms", ARMS)), "B1"}
    options = Options(
        model=model,
        device="cuda" if gpu else "cpu",
        arms=tuple(name for name in ARMS if name in wanted),
        precisions=tuple(precisions or usual.get("precisions", ("exact",))),
        rounds=rounds or 5,
        requests=requests or usual["requests"],
        open_requests=usual["open_requests"],
        one_by_one=usual.get("one_by_one", False),
        starts=2,
        passes=usual["passes"],
        images=32,
        threads=cores,
        workers=workers or (_GPU_WORKERS if gpu else cores),
        full_size=gpu,
    )
    if not quick:
        return options
    return replace(
        options,
        rounds=rounds or 2,
        requests=requests or 3,
        open_requests=min(options.open_requests, 6),
        starts=1,
        passes=1,
        images=8,
    )
