"""Notes of a worker on what it is about to do, which tell the next one what it died of.

Ray starts a worker again that has died, and gives it the same part: an image that ends the process,
by a crash of a decoder or for want of memory, would end it for ever. So a part that a worker has
died at is asked about one image at a time, and the image that one dies at then is left out.
"""

import json
from dataclasses import asdict, dataclass

from deploy.ray.jobs.storage import Storage

FOLDER = ".attempts"


@dataclass(frozen=True)
class Attempt:
    """What is known of a part that is under way.

    Attributes:
        run: Token of the run; what an earlier run was killed at says nothing.
        current: Index of the image that is asked about alone; None while several are.
        deadly: Indices of images that a worker has died at, alone.
    """

    run: str
    current: int | None = None
    deadly: tuple[int, ...] = ()


class Attempts:
    """Notes of one run.

    Args:
        storage: Of the job.
        run: Its token.
    """

    def __init__(self, storage: Storage, run: str) -> None:
        self._storage = storage
        self._run = run

    def begin(self, part: int) -> Attempt | None:
        """Begin a part.

        Returns:
            What is known of it, where a worker of this run has died at it; else None.

        Raises:
            ClientError: Notes cannot be read or written.
        """
        found = self._found(part)
        if found is None:
            self._write(part, Attempt(self._run))
            return None
        if found.current is None:
            return found
        return Attempt(self._run, None, (*found.deadly, found.current))

    def alone(self, part: int, attempt: Attempt, index: int) -> None:
        """Note that an image is asked about alone from now on.

        Raises:
            ClientError: It cannot be written.
        """
        self._write(part, Attempt(self._run, index, attempt.deadly))

    def end(self, part: int) -> None:
        """Forget a part.

        Raises:
            ClientError: It cannot be deleted.
        """
        self._storage.delete(_name(part))

    def _found(self, part: int) -> Attempt | None:
        if not self._storage.exists(_name(part)):
            return None
        try:
            document = json.loads(self._storage.read(_name(part)))
            found = Attempt(document["run"], document["current"], tuple(document["deadly"]))
        except (ValueError, KeyError, TypeError):
            return None
        return found if found.run == self._run else None

    def _write(self, part: int, attempt: Attempt) -> None:
        self._storage.write(_name(part), json.dumps(asdict(attempt)).encode())


def _name(part: int) -> str:
    return f"{FOLDER}/part-{part:06}.json"
