"""One way to send a request: time-outs, retries and tokens always set, errors in sentences."""

import contextlib
import ipaddress
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from client.errors import ClientError, RequestRefused, ServerUnreachable

KEY_FILE = "key_file.json"
TIMEOUT_S = 130.0
"""Above the `responseTimeout` of an archive, 120 s: the server's own answer comes first."""

_RETRIES = Retry(
    total=2,
    connect=2,
    read=1,
    redirect=0,
    status=0,  # an error that the server answers with is an answer
    allowed_methods=["GET"],
    backoff_factor=0.2,
)
"""A connection that does not come about is tried again, whatever was to be sent. One that breaks
off is tried again for GET alone, which changes nothing."""

# It logs every attempt as a warning; the error at the end says it in a sentence.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def find_key(folder: Path, api: str) -> str | None:
    """The token of one of TorchServe's APIs, from the environment or from `key_file.json`.

    Args:
        folder: As `read_key` takes it.
        api: `inference` or `management`; the environment has `TORCHSERVE_INFERENCE_KEY` or
            `TORCHSERVE_MANAGEMENT_KEY`, which wins.

    Raises:
        ClientError: A file of that name that is something else.
    """
    # A secret that was written to a file often ends with a line break.
    return os.environ.get(f"TORCHSERVE_{api.upper()}_KEY", "").strip() or read_key(folder, api)


def read_key(folder: Path, api: str) -> str | None:
    """The token of one of TorchServe's APIs.

    Args:
        folder: Where the server was started; it writes `key_file.json` there.
        api: `inference` or `management`.

    Returns:
        The token, or None where there is no file: the server runs without tokens.
    """
    file = folder / KEY_FILE
    if not file.is_file():
        return None
    try:
        key = json.loads(file.read_text(encoding="utf-8"))[api]["key"]
    except (ValueError, KeyError, TypeError) as error:
        raise ClientError(f"{file} is not a key file of TorchServe: {error!r}.") from error
    return str(key)


@dataclass(frozen=True)
class Answer:
    """What a server answered.

    Attributes:
        document: The parsed body.
        headers: Names match in any case.
    """

    document: Any
    headers: Mapping[str, str]


def send(
    method: str,
    url: str,
    *,
    token: str | None = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Any:
    """Send a request and read its JSON answer; see `exchange`."""
    return exchange(
        method, url, token=token, data=data, headers=headers, timeout_s=timeout_s
    ).document


def exchange(
    method: str,
    url: str,
    *,
    token: str | None = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    session: requests.Session | None = None,
) -> Answer:
    """Send a request and read its JSON answer, with the headers that came with it.

    Args:
        method: Of HTTP.
        url: What is asked.
        token: Of the API, or None.
        data: The body.
        headers: Of the request.
        timeout_s: Longest wait to be connected, and longest silence.
        session: Of `open_session`, which keeps its connection for the next request; None opens one
            for this request alone.

    Raises:
        ServerUnreachable: No connection, or no answer within `timeout_s`.
        RequestRefused: Any status but 2xx.
        ClientError: An answer that is not JSON, a header that cannot be sent, or no URL.
    """
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with contextlib.ExitStack() as stack:
            response = (session or stack.enter_context(open_session(url))).request(
                method,
                url,
                data=data,
                headers={**(headers or {}), **authorization},
                timeout=timeout_s,
            )
    except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
        # Their messages have the header's value, which may be the key.
        raise ClientError(
            "A header cannot be sent: the key or another value has characters that no HTTP header "
            "may have, such as line breaks, or letters beyond those of Western Europe."
        ) from None
    except (
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        requests.exceptions.InvalidURL,
    ) as error:
        raise ClientError(
            f"{url} is not an address of a server; one looks like http://127.0.0.1:8080."
        ) from error
    except requests.RequestException as error:
        raise ServerUnreachable(f"No answer from {url}: {error}") from error
    try:
        document = response.json()
    except ValueError:
        document = None
    if not response.ok:
        details = document if isinstance(document, dict) else {}
        raise RequestRefused(
            response.status_code,
            details.get("type", response.reason),
            details.get("message", "the server gave no reason"),
        )
    if document is None:
        raise ClientError(f"{url} answered with something else than JSON.")
    return Answer(document, response.headers)


def open_session(url: str) -> requests.Session:
    """A connection that is kept between requests; for one thread, to be closed by who opened it.

    Args:
        url: Of the server. Neither keys nor requests for this machine go to a proxy that the
            environment names.
    """
    session = requests.Session()
    session.trust_env = not is_this_machine(url)
    session.mount("http://", HTTPAdapter(max_retries=_RETRIES))
    session.mount("https://", HTTPAdapter(max_retries=_RETRIES))
    return session


def is_this_machine(url: str) -> bool:
    """Whether what is sent to an address never leaves this machine."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # no address: said when it is asked
        return False
    try:
        address = ipaddress.ip_address(host)
        return address.is_loopback or address.is_unspecified  # 0.0.0.0 is where a server listens
    except ValueError:
        return host == "localhost"
