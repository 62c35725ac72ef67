"""How many requests have named a version: TorchServe's metrics tell them from all others."""

import re

import requests

_COUNTER = "ts_inference_requests_total"
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT_S = 5.0


def arrivals(metrics_url: str, model: str, version: str) -> float | None:
    """How many requests for predictions have named a version since the server started.

    TorchServe counts a request before its queue, under the version that its path names, or as
    `default`. Questions to a version about itself are not counted.

    Args:
        metrics_url: The server's metrics address, such as `http://127.0.0.1:8082`.
        model: Its name.
        version: Its version.

    Returns:
        Their number, or None where the server does not count them: nobody answers there, its
        metrics_mode is another than prometheus, or its metrics are others.
    """
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy that the environment names has no business here
            answer = session.get(f"{metrics_url.rstrip('/')}/metrics", timeout=_TIMEOUT_S)
    except requests.RequestException:
        return None
    lines = answer.text.splitlines()
    if not answer.ok or f"# TYPE {_COUNTER} counter" not in lines:
        return None
    count = 0.0
    for line in lines:
        if line.startswith(f"{_COUNTER}{{"):
            labels, _, value = line.rpartition(" ")
            said = dict(_LABEL.findall(labels))
            if (said.get("model_name"), said.get("model_version")) == (model, version):
                count += float(value)
    return count
