"""A folder in which the commands of guides are typed, as in the project's own."""

import contextlib
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.cli import main as export_main
from server.ports import with_free_ports
from server.properties import read_properties, write_properties
from tests.guides.guide import Guide, assert_printed

_CODE = ("client", "deploy", "export", "handler", "server")
_SHIPPED = "http://127.0.0.1:8080"
_EXPORT = [".venv/bin/python", "-m", "export"]
_HIDDEN = ("PYTHONPATH", "TORCHSERVE_INFERENCE_KEY", "TORCHSERVE_MANAGEMENT_KEY")


@dataclass(frozen=True)
class Printed:
    """What a command has printed, and its exit code."""

    out: str
    err: str
    code: int


@dataclass(frozen=True)
class Project:
    """The folder.

    Attributes:
        folder: It; `/data` of the guides is `data` in it.
        guides: By their names.
    """

    folder: Path
    guides: dict[str, Guide]

    @classmethod
    def at(cls, folder: Path, root: Path, guides: dict[str, Guide]) -> "Project":
        """Make it: the code of this project, and a server's settings with ports of their own."""
        for name in _CODE:
            (folder / name).symlink_to(root / name)
        (folder / ".venv").symlink_to(sys.prefix)
        shipped = read_properties(root / "config.properties")
        write_properties(folder / "config.properties", with_free_ports(shipped))
        return cls(folder, guides)

    def type(self, guide: str, *names: str, code: int = 0) -> Printed:
        """Type blocks one after the other; each prints what its guide shows.

        Args:
            guide: Its name.
            names: Of its blocks.
            code: The exit code that each has.
        """
        for name in names:
            printed = self._run(self._script(guide, name))
            assert printed.code == code, printed
            if name in self.guides[guide].printed:
                shown = self._here(self.guides[guide].printed[name])
                assert_printed(shown, f"{printed.err}\n{printed.out}")
        return printed

    def client(self, *words: str) -> Printed:
        """`python -m client` with other arguments than a guide's."""
        return self._run(shlex.join([".venv/bin/python", "-m", "client", *words]))

    def inspect(self, file: str) -> Printed:
        """`python -m export inspect` with another file than a guide's."""
        return self._run(shlex.join([".venv/bin/python", "-m", "export", "inspect", file]))

    def goes_wrong(self, guide: str, shown: str, words: Sequence[str]) -> None:
        """Whether a command fails with the words of a guide.

        Args:
            guide: Its name.
            shown: As it has them, between backticks.
            words: `export` or a command of the client, and its arguments.
        """
        assert f"`{shown}`" in self.guides[guide].text
        if words[0] == "export":
            printed = self._export([*_EXPORT, *words[1:], "--skip-verification"])
        else:
            printed = self.client(*words)
        assert printed.code == 1, printed
        assert_printed(shown, printed.err)

    @contextlib.contextmanager
    def serving(self, guide: str) -> Iterator[None]:
        """What the block `serve` of a guide starts, from when it is ready."""
        log = self.folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                shlex.split(self._script(guide, "serve")),
                cwd=self.folder,
                env=_environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            end = time.monotonic() + 240
            while "\n==> Ready: " not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0

    def program(self, guide: str, name: str) -> None:
        """Save a program of a guide."""
        (self.folder / name).write_text(self._here(self.guides[guide].tested[name]))

    def _script(self, guide: str, name: str) -> str:
        script = self._here(self.guides[guide].tested[name])
        return re.sub(r"^sbatch ", "bash ", script)  # the script is a plain one as well

    def _here(self, text: str) -> str:
        address = read_properties(self.folder / "config.properties")["inference_address"]
        return text.replace("/data/", "data/").replace(_SHIPPED, address)

    def _run(self, script: str) -> Printed:
        if " -m export --" in script:
            return self._export(shlex.split(script.replace("\\\n", "")))
        done = subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Printed(done.stdout, done.stderr, done.returncode)

    def _export(self, words: list[str]) -> Printed:
        """In this process, which has imported torch already."""
        assert words[:3] == _EXPORT
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = export_main(words[3:])
        return Printed(out.getvalue(), err.getvalue(), code)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _HIDDEN}
