"""Workers without Ray, with the model of the tests."""

from dataclasses import replace

import numpy as np

from deploy.ray.jobs.parts import Parts
from deploy.ray.jobs.storage import Storage
from deploy.ray.jobs.worker import Work, Worker
from deploy.ray.store import Pinned

WORK = Work(
    run="run",
    job="t0",
    archive=Pinned("", ""),
    name="tiny",
    version="1.0",
    output="",
    images=None,
    text_ids=False,
    readable=0,
    images_per_part=4,
    options={},
    batch=1,
    pictures=False,
    device="cpu",
)


class Site:
    """A worker with the model of the tests, as this process has its handler already."""

    def __init__(self, storage: Storage, detector, **changes: object) -> None:
        self.worker = Worker(replace(WORK, output=storage.url, **changes))
        self.worker._detector = detector
        self.parts = Parts(storage, int, "t0")

    def __call__(self, part: int, *, again: bool = False) -> dict:
        row = self.worker({"part": np.array([part]), "again": np.array([again])})
        return {key: value for key, (value,) in row.items()}

    def names(self, part: int) -> tuple[list[str], dict[str, str]]:
        """Images with an answer, and types of errors by those without one."""
        results, unread = self.parts.read(part)
        return (
            [row["file_name"] for row in results],
            {row["file_name"]: row["type"] for row in unread},
        )
