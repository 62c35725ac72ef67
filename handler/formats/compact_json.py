"""JSON as every response is written: compact, UTF-8, and never a NaN that parsers refuse."""

import json
from typing import Any


def compact_json(document: Any) -> bytes:
    """Write a document.

    Raises:
        ValueError: A number that JSON has no word for (NaN, infinity).
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Half a surrogate pair, which a request's JSON can hold, has no UTF-8; what is put in its
    # place is JSON's own escape for it.
    return text.encode("utf-8", errors="backslashreplace")
