"""How large the batches were that a server's workers answered, by its own metrics."""

import re
from collections import Counter

import requests

from torture.errors import TortureError

_METRIC = "detectron2_batch_fill_ratio"
_BUCKET = re.compile(rf"^{_METRIC}_bucket{{(.*)}} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT_S = 10.0


def batch_sizes(metrics_url: str, model: str, *, most: int) -> Counter[int]:
    """Count the batches of each size since the server started.

    Args:
        metrics_url: The server's metrics address.
        model: Its name.
        most: Its batchSize: 1, 2 or 4, whose shares are bounds of the histogram's buckets.

    Returns:
        How many batches there were of 1, 2, ... requests; those that there were none of are 0.

    Raises:
        TortureError: The server does not measure that.
    """
    try:
        answer = requests.get(f"{metrics_url}/metrics", timeout=_TIMEOUT_S)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise TortureError(f"No metrics at {metrics_url}: {error}") from error
    return read_batch_sizes(answer.text, model, most=most)


def read_batch_sizes(text: str, model: str, *, most: int) -> Counter[int]:
    """The same from a page in Prometheus' format."""
    up_to: Counter[float] = Counter()
    for found in _BUCKET.finditer(text):
        labels = dict(_LABEL.findall(found[1]))
        if labels["model_name"] == model:
            up_to[float(labels["le"])] += int(float(found[2]))
    if f"# TYPE {_METRIC} histogram" not in text:
        raise TortureError(f"The server's metrics have no {_METRIC}.")
    bounds = [size / most for size in range(most + 1)]
    return Counter(
        {size: up_to[bounds[size]] - up_to[bounds[size - 1]] for size in range(1, most + 1)}
    )
