"""What a worker notes of itself, which the process that takes its place after its death reads.

Ray starts it again for ever, and says nothing: a model that is too large for a machine would be
loaded for ever, and a GPU that has failed would be given part after part.
"""

import json

from client.errors import ClientError
from deploy.ray.jobs.attempts import FOLDER
from deploy.ray.jobs.storage import Storage

_MOST = 3
_PREFIX = "worker-"


class Health:
    """Of one worker, which keeps its name when its process is started again.

    Args:
        storage: Of the job.
        name: Of the worker.
    """

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self._file = f"{FOLDER}/{_PREFIX}{name}.json"
        self._loads = self._sick = 0
        self._was_read = False

    def load(self) -> None:
        """Note that the model is loaded from now on.

        Raises:
            ClientError: Process after process has died at it, or that cannot be noted.
        """
        self._read()
        if self._loads >= _MOST:
            raise ClientError(
                f"A worker died {self._loads} times while it loaded the model: perhaps there is "
                "too little memory for that many workers. --workers says how many there are at "
                "most on all nodes, --num-cpus how many fit on one."
            )
        self._loads += 1
        self._write()

    def loaded(self) -> None:
        """Note that the model is there.

        Raises:
            ClientError: That cannot be noted.
        """
        self._loads = 0
        self._write()

    def sick(self, why: str) -> None:
        """Note that this process cannot work; the caller ends it, and Ray starts it again.

        Args:
            why: A sentence.

        Raises:
            ClientError: Others before it could not either, or that cannot be noted.
        """
        self._read()
        self._sick += 1
        self._loads = 0
        self._write()
        if self._sick >= _MOST:
            raise ClientError(f"A worker was started {self._sick} times and cannot work: {why}")

    def well(self) -> None:
        """Note that a part is done.

        Raises:
            ClientError: That cannot be noted.
        """
        self._read()
        if self._sick:
            self._sick = 0
            self._write()

    def _read(self) -> None:
        if not self._was_read and self._storage.exists(self._file):
            document = json.loads(self._storage.read(self._file))
            self._loads, self._sick = document["loads"], document["sick"]
        self._was_read = True

    def _write(self) -> None:
        document = {"loads": self._loads, "sick": self._sick}
        self._storage.write(self._file, json.dumps(document).encode())


def started(storage: Storage) -> int:
    """How many workers of a run have begun to load the model.

    Args:
        storage: Of the job.

    Raises:
        ClientError: Notes cannot be read.
    """
    return sum(name.startswith(_PREFIX) for name in storage.names(FOLDER))
