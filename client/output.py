"""What a command says where its reader may have gone, as `head` does and a closed terminal."""

import contextlib
import os
from pathlib import Path
from typing import TextIO


def say(text: str, stream: TextIO | None) -> Exception | None:
    """Print a line, and go on where nobody can take it: what was done is done.

    Args:
        text: The line.
        stream: Standard output or error; None is Python's for a descriptor that was closed.

    Returns:
        Why it could not be written, or None where it was.
    """
    if stream is None:
        return OSError("it is closed")
    try:
        print(f"{text}\n", end="", file=stream, flush=True)  # one write, which `head` takes whole
    except (OSError, ValueError) as error:  # ValueError: closed, or not to be encoded
        return error
    return None


def drop_unwritten(*streams: TextIO | None) -> None:
    """Let what could not be written go nowhere; Python else tries again at its end, and exits 120.

    Args:
        streams: Standard output and error, before the process ends.
    """
    for stream in streams:
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())
