"""Text files that people bring, in the encodings that their systems write."""

import codecs
from pathlib import Path

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark, as Windows PowerShell's `>` writes it.

    Raises:
        OSError: It cannot be read.
        UnicodeDecodeError: It is neither.
    """
    content = path.read_bytes()
    return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
