"""A server's folder for temporary files, and what is left of those of servers that were killed.

TorchServe unpacks its archives there. Who is killed tidies nothing up, and where `/tmp` outlives a
server, as a pod's does, one copy of every archive would stay for each time.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

import psutil

_PREFIX = "ts-"
_LOCK = "server.lock"


class TemporaryFolder:
    """A folder of one server, locked as long as the process that made it lives.

    The kernel lets go of the lock when that process ends, however it does. A process's number would
    not do: in a container it is that of the next server as well.

    Attributes:
        path: Short, because TorchServe has its workers' sockets there, and a socket's path may have
            107 characters.
    """

    def __init__(self) -> None:
        """Make it, in Python's folder for temporary files."""
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Locked before it has its name: whoever finds it does not find it free.
        unnamed = self.path / f"{_LOCK}.new"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unnamed.rename(self.path / _LOCK)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def remove_abandoned() -> list[Path]:
    """Remove folders of this user's servers that were killed.

    One stays whose server lives, in whatever container that shares the folder for temporary files,
    and one that a process still uses: Java may go on when what started it was killed.

    Returns:
        What was removed.
    """
    found = [
        folder for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if _is_ours(folder)
    ]
    abandoned = [folder for folder in found if not _is_locked(folder / _LOCK)]
    used = _command_lines() if abandoned else ""
    removed = [folder for folder in abandoned if str(folder) not in used]
    for folder in removed:
        shutil.rmtree(folder, ignore_errors=True)
    return removed


def _is_ours(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        status = folder.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return False


def _is_locked(lock: Path) -> bool:
    """Whether its server lives; without the file it is no server's folder, or not yet one."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _command_lines() -> str:
    """Those of all processes: launcher, Java and workers name the folder in theirs."""
    lines = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            lines += process.cmdline()
    return "\n".join(lines)
