"""One run at a time writes into a folder."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator

from client.errors import ClientError
from deploy.ray.jobs.storage import Storage

_FILE = ".lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Some file systems of clusters are mounted without locks."""


@contextlib.contextmanager
def claimed(storage: Storage) -> Iterator[None]:
    """Hold the folder; object stores have no locks, and nothing is held there.

    Raises:
        ClientError: Another run holds it, or it cannot be made.
    """
    if storage.folder is None:
        yield
        return
    try:
        storage.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(storage.folder / _FILE, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise ClientError(f"{storage.url} cannot be written: {error}.") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ClientError(f"Another run writes into {storage.url} right now.") from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise ClientError(f"{storage.url} cannot be locked: {error}.") from error
        yield
    finally:
        os.close(lock)
