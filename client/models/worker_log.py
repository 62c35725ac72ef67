"""What a worker wrote when it could not load its model: TorchServe's answer does not say it."""

import re
from datetime import datetime
from pathlib import Path

_LOG = "model_log.log"
_TAIL_BYTES = 1 << 18
_OURS = "The model could not be loaded: "
_ERROR = re.compile(r"\b([A-Za-z_.]*(?:Error|Exception|Interrupt)\b.*)")


def load_failure(logs: Path | None, model: str, version: str, *, since: float) -> str | None:
    """The last error that a version's workers wrote to the server's log.

    Args:
        logs: The server's folder of logs, or None.
        model: Its name.
        version: Its version.
        since: Lines before are of another attempt; seconds since 1970.

    Returns:
        One line, or None where there is none or the log cannot be read.
    """
    if logs is None:
        return None
    try:
        with (logs / _LOG).open("rb") as file:
            file.seek(max((logs / _LOG).stat().st_size - _TAIL_BYTES, 0))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    # 2026-11-20T10:44:49,485 [INFO ] W-9504-coins_2.0-stdout MODEL_LOG - ValueError: ...
    worker = re.escape(f"{model}_{version}")
    written = re.compile(rf"\S+ \[\w+ *\] W-\d+-{worker}-std(?:out|err) MODEL_LOG - (.*)")
    said = [
        found[1]
        for line in lines
        if (found := written.fullmatch(line)) and _written_at(line) >= since - 1
    ]
    for words in reversed(said):
        if _OURS in words:
            return words.partition(_OURS)[2]
    errors = [found[1] for words in said if (found := _ERROR.search(words))]
    return errors[-1] if errors else None


def _written_at(line: str) -> float:
    try:
        return datetime.strptime(line[:23], "%Y-%m-%dT%H:%M:%S,%f").astimezone().timestamp()
    except ValueError:
        return 0.0
