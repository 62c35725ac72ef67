"""Lines of a log that is written meanwhile, and rolled over when it has grown."""

from pathlib import Path


class LogTail:
    """Collects the lines of a log that hold some words, from now on.

    Each look reads what has come since the one before. Of a file that was rolled over in between,
    the lines after that look are lost: it is compressed by then.
    """

    def __init__(self, log: Path, words: str) -> None:
        self._log = log
        self._words = words.encode()
        self._lines: list[str] = []
        self._file, self._offset = self._state()

    def lines(self) -> list[str]:
        """All so far, in their order."""
        file, size = self._state()
        if file != self._file or size < self._offset:
            self._file, self._offset = file, 0
        if size > self._offset:
            try:
                with self._log.open("rb") as log:
                    log.seek(self._offset)
                    whole, newline, _ = log.read().rpartition(b"\n")
            except OSError:  # it is being rolled over right now
                return self._lines
            self._offset += len(whole) + len(newline)
            self._lines += [
                line.decode("utf-8", errors="replace")
                for line in whole.splitlines()
                if self._words in line
            ]
        return self._lines

    def _state(self) -> tuple[int, int]:
        """Which file it is now, and its size in bytes."""
        try:
            stat = self._log.stat()
        except OSError:
            return 0, 0
        return stat.st_ino, stat.st_size
