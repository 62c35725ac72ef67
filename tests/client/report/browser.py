"""A real Chromium without a window, spoken to over two pipes: the DevTools protocol as it is.

No library is needed for that: messages are JSON with a zero byte behind each.
https://chromedevtools.github.io/devtools-protocol
"""

import base64
import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.tools.debian import command

_TIMEOUT_S = 60.0
_OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # it needs a kernel that lets it; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)

_TAKE_PIPES = """
import os, sys
for place, pipe in enumerate(sys.argv[1:3], start=3):
    os.dup2(int(pipe), place)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """A browser with one page, and the network off."""

    def __init__(self, profile: Path, *, width: int = 1280, height: int = 900) -> None:
        """Start it.

        Args:
            profile: A folder for what it writes.
            width: Of the window, in pixels.
            height: Likewise.

        Raises:
            ToolMissing: There is no Chromium.
        """
        program = command("chromium")
        their_in, our_out = os.pipe()
        our_in, their_out = os.pipe()
        # Out of the way of 3 and 4, where Chromium looks for them.
        theirs = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (their_in, their_out)]
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _TAKE_PIPES, *map(str, theirs)),
                *program,
                *_OPTIONS,
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            pass_fds=theirs,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(profile)},
        )
        for pipe in (their_in, their_out, *theirs):
            os.close(pipe)
        self._in, self._out = our_in, our_out
        self._received = b""
        self._last_id = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        self.requested: list[str] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        (target,) = [one["targetId"] for one in targets if one["type"] == "page"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )
        self.resize(width, height)

    def open(self, file: Path) -> None:
        """Open a page, and wait until it is loaded.

        What it asks for is in `requested`, what the console says in `complaints`.
        """
        self.complaints, self.requested = [], []
        self.send("Page.navigate", url=file.as_uri())
        self.until(lambda: self.run("document.readyState") == "complete")

    def run(self, script: str) -> Any:
        """The value of an expression in the page, as JSON has it.

        Raises:
            AssertionError: It failed.
        """
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Click on the first element that a selector finds, with a mouse."""
        x, y = self.run(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            "one.scrollIntoView({ block: 'center', behavior: 'instant' });"
            "const { x, y, width, height } = one.getBoundingClientRect();"
            "return [x + width / 2, y + height / 2]; })()"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            pressed = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **pressed)

    def press(self, key: str) -> None:
        """Press a key, such as `Tab`, `Enter` or `ArrowRight`."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes[key],
                **(text if kind == "keyDown" else {}),
            )

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: It never is.
        """
        end = time.monotonic() + _TIMEOUT_S
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("The page never came to it.")
            time.sleep(0.02)

    def resize(self, width: int, height: int, *, scale: float = 1) -> None:
        """Give the page another size.

        Args:
            width: In CSS pixels.
            height: Likewise.
            scale: Pixels of a screenshot for each of those.
        """
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def prefer(self, scheme: str) -> None:
        """Say that the user prefers `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Write what is seen as PNG.

        Args:
            file: Where to.
            whole: Of the page, not of the window alone.
        """
        answer = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self.send("Page.printToPDF", printBackground=True)["data"])

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something and wait for its answer.

        Raises:
            AssertionError: It is refused.
            TimeoutError: Nothing comes.
        """
        self._last_id += 1
        message: dict[str, Any] = {"id": self._last_id, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (found := self._receive()).get("id") != self._last_id:
            self._note(found)
        assert "error" not in found, f"{method}: {found['error']}"
        result: dict[str, Any] = found["result"]
        return result

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + _TIMEOUT_S
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._in], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("Chromium does not answer.")
            chunk = os.read(self._in, 1 << 20)
            if not chunk:
                raise ConnectionError(f"Chromium has ended ({self._process.poll()}).")
            self._received += chunk
        message, _, self._received = self._received.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requested.append(parameters["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(parameters["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(json.dumps(parameters["args"]))

    def close(self) -> None:
        """End it."""
        for pipe in (self._in, self._out):  # it ends when nobody is there any more
            os.close(pipe)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
