"""Stands between a client and a server: counts what is asked, and is in the way when it is told."""

import hashlib
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self

import requests


class Asked(NamedTuple):
    """A request that came."""

    path: str
    digest: str  # of its body
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """An answer of the proxy itself; status 0 breaks the connection off."""

    status: int
    body: bytes = b""


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Proxy:
    """Answers `/predictions/...` with what the server says, unless `instead` has something."""

    def __init__(self, target: str = "http://127.0.0.1:9") -> None:
        self.asked: list[Asked] = []
        self.instead: Callable[[Asked], Reply | None] = lambda asked: None
        self.connections = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                proxy.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = Asked(self.path, digest(body), dict(self.headers), body)
                proxy.asked.append(asked)
                reply, headers = proxy.instead(asked), {}
                if reply is None:
                    given = {k: v for k, v in asked.headers.items() if k != "Host"}
                    answer = requests.post(target + self.path, data=body, headers=given, timeout=60)
                    reply, headers = Reply(answer.status_code, answer.content), answer.headers
                if reply.status == 0:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name in ("Content-Type", "Server-Timing"):
                    if name in headers:
                        self.send_header(name, headers[name])
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
