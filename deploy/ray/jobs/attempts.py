"""Notes of a worker on what it is about to do, which tell the next one what it died of.

Ray starts a worker again that has died, and gives it the same part: an image that ends the process,
by a crash of a decoder or for want of memory, would end it for ever. So images that a worker has
died at are asked about one at a time, and one that two have died at alone is left out: a machine
that is taken away ends workers, too.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from client.errors import ClientError
from deploy.ray.jobs.storage import Storage

FOLDER = ".attempts"

_DEADLY = 2  # deaths
_MOST_ELSEWHERE = 5


@dataclass(frozen=True)
class Attempt:
    """What is known of a part that is under way.

    Attributes:
        run: Token of the run; what an earlier run was killed at says nothing.
        under_way: Indices of the images that are asked about now.
        suspects: Of those among which a worker has died.
        deaths: How many workers have died at an image alone, by its index.
        elsewhere: How many have died while they asked about none.
    """

    run: str
    under_way: tuple[int, ...] = ()
    suspects: tuple[int, ...] = ()
    deaths: dict[int, int] = field(default_factory=dict)
    elsewhere: int = 0

    @property
    def deadly(self) -> list[int]:
        """Indices of images that are not asked about any more."""
        return [index for index, count in self.deaths.items() if count >= _DEADLY]


class Attempts:
    """Notes of one run.

    Args:
        storage: Of the job.
        run: Its token.
    """

    def __init__(self, storage: Storage, run: str) -> None:
        self._storage = storage
        self._run = run

    def begin(self, part: int) -> Attempt:
        """Begin a part.

        Returns:
            What is known of it, where workers of this run have died at it.

        Raises:
            ClientError: Notes cannot be read or written, or worker after worker dies at the part
                and at no image of it.
        """
        found = self._found(part)
        attempt = Attempt(self._run) if found is None else _after_a_death(found)
        if attempt.elsewhere >= _MOST_ELSEWHERE:
            raise ClientError(
                f"{attempt.elsewhere} workers died at part {part} while they asked about no image. "
                "Ray's logs say of what; memory is the likeliest."
            )
        self._write(part, attempt)
        return attempt

    def ask(self, part: int, attempt: Attempt, indices: Sequence[int]) -> None:
        """Note which images are asked about from now on; none, where they have been answered.

        Raises:
            ClientError: It cannot be written.
        """
        self._write(part, replace(attempt, under_way=tuple(indices)))

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
            found = Attempt(
                document["run"],
                tuple(document["under_way"]),
                tuple(document["suspects"]),
                {int(index): count for index, count in document["deaths"].items()},
                document["elsewhere"],
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return found if found.run == self._run else None

    def _write(self, part: int, attempt: Attempt) -> None:
        self._storage.write(_name(part), json.dumps(asdict(attempt)).encode())


def _after_a_death(found: Attempt) -> Attempt:
    at = found.under_way
    if not at:
        return replace(found, elsewhere=found.elsewhere + 1)
    deaths = dict(found.deaths)
    if len(at) == 1:
        deaths[at[0]] = deaths.get(at[0], 0) + 1
    suspects = tuple(sorted({*found.suspects, *at}))
    return replace(found, under_way=(), suspects=suspects, deaths=deaths)


def _name(part: int) -> str:
    return f"{FOLDER}/part-{part:06}.json"
