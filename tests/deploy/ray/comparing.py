"""Every request that the tests send to one server goes to another as well, and both must agree."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch
from urllib.parse import urlsplit

import requests

OF_A_SERVER = frozenset(
    # Who answered and when; which connection goes on; ids that are made anew for each request.
    {"date", "server", "x-request-id", "server-timing", "connection", "content-length"}
)


@dataclass
class Compared:
    """What was compared.

    Attributes:
        statuses: Of each pair of answers that are equal.
        differences: What differs, with the request that it differs for.
    """

    statuses: list[int] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


@contextmanager
def answers_compared(url: str, reference_url: str, reference_token: str) -> Iterator[Compared]:
    """Within this block `requests` compares the answers of two servers byte for byte.

    Args:
        url: Requests below it are sent twice.
        reference_url: The other server.
        reference_token: Its key, for requests that bring one.
    """
    send = requests.Session.send
    compared = Compared()

    def send_both(session, request, **settings):
        answer = send(session, request, **settings)
        if not request.url.startswith(url) or not asks_for_predictions(request.url):
            return answer
        twin = request.copy()
        twin.url = reference_url + request.url.removeprefix(url)
        if "Authorization" in twin.headers:
            twin.headers["Authorization"] = f"Bearer {reference_token}"
        expected = send(session, twin, **settings)
        if b'"ErrorDataDecoderException"' in expected.content:
            return answer  # what TorchServe's Java part cannot take apart is answered here
        found, wanted = facts(answer), facts(expected)
        if found == wanted:
            compared.statuses.append(answer.status_code)
        else:
            asked = f"{request.method} {request.url} {dict(request.headers)} {request.body!r:.600}"
            compared.differences.append(f"{asked}\n  got {found!s:.600}\n  not {wanted!s:.600}")
        return answer

    with patch.object(requests.Session, "send", send_both):
        yield compared


def asks_for_predictions(url: str) -> bool:
    """Whether the inference port answers there; what manages a server differs between servers."""
    return not urlsplit(url).path.startswith(("/models", "/workflows"))


def facts(response: requests.Response) -> tuple[object, ...]:
    """What must be equal of two answers to one request."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    stages = [part.split(";")[0] for part in headers.get("server-timing", "").split(", ")]
    kept = {name: value for name, value in headers.items() if name not in OF_A_SERVER}
    # A model that describes itself says which process does it.
    content = re.sub(rb'"worker":\{"pid":\d+\}', b"", response.content)
    return response.status_code, content, kept, stages
