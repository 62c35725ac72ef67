"""What a container engine gives a process, from the kernel's own parts and without an engine.

A mount namespace whose root is read-only but for the given tmpfs, a process namespace in which the
command is number 1, a network namespace of its own, a user who is not root, has no capabilities and
can get none. The files of the operating system and of Python are this machine's, not the image's.
"""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

USER = 10001
_LINKS = ("bin", "lib", "lib64", "sbin")
_NETWORK_ADDRESS = "192.0.2.1"
"""An address of the container that is not its loopback."""
_NETWORK = ("ip link set lo up", f"ip address add {_NETWORK_ADDRESS}/32 dev lo")


def why_not() -> str | None:
    """Why this machine cannot do it."""
    missing = [
        name
        for name in ("unshare", "nsenter", "setpriv", "mount", "ip", "chroot")
        if not shutil.which(name)
    ]
    if missing:
        return f"programs are missing: {', '.join(missing)}"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--net", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return None if tried.returncode == 0 else f"no namespaces: {tried.stderr.strip()}"


@dataclass
class Confined:
    """A process in a place of its own.

    Attributes:
        process: What started it, and ends with its exit code.
        pid: Its number here; inside it is 1.
        folder: Where it runs, as it sees it.
        environment: All of it.
        output: What it has written.
        user: Number of the user and the group that it runs as.
    """

    process: subprocess.Popen[bytes]
    pid: int
    folder: str
    environment: Mapping[str, str]
    output: Path
    user: int = USER

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command in the same place, as `docker exec` does."""
        enter = [
            *("nsenter", "--target", str(self.pid), "--mount", "--pid", "--net"),
            *(f"--root=/proc/{self.pid}/root", f"--wd=/proc/{self.pid}/cwd"),
        ]
        words = [*enter, *_unprivileged(self.user, self.folder, self.environment), *command]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)

    def python(self, script: str, *arguments: str) -> str:
        """What a script of this machine's Python prints, run by root in the same network."""
        words = ["nsenter", "--target", str(self.pid), "--net", sys.executable, "-c", script]
        result = subprocess.run([*words, *arguments], capture_output=True, text=True, check=True)
        return result.stdout

    def file(self, path: str) -> Path:
        """One of its files, as it is reached from here."""
        return Path(f"/proc/{self.pid}/root/{path}")

    def key(self, api: str) -> str:
        document = json.loads(self.file("run/torchserve/key_file.json").read_text())
        return str(document[api]["key"])

    def family(self) -> list[psutil.Process]:
        return [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]

    def stop(self) -> None:
        """As `docker stop` begins."""
        os.kill(self.pid, signal.SIGTERM)

    def said(self) -> str:
        return self.output.read_text()


@contextlib.contextmanager
def confined(
    command: Sequence[str],
    *,
    folder: str,
    environment: Mapping[str, str],
    read_only: Mapping[str, Path],
    tmpfs: Mapping[str, str],
    scratch: Path,
    user: int = USER,
    network: Confined | None = None,
) -> Iterator[Confined]:
    """Run a command in a place of its own, and end it.

    Args:
        command: Its words.
        folder: Where it runs.
        environment: All of it.
        read_only: Folders of this machine by where they are seen.
        tmpfs: Mount options by folder.
        scratch: An empty folder of this machine.
        user: Number of the user and the group that it runs as.
        network: Whose network it shares, as the containers of a pod do; None is one of its own.
    """
    root, output = scratch / "root", scratch / "output"
    root.mkdir(parents=True)
    python = str(Path(sys.base_prefix).resolve())
    binds = {"/usr": Path("/usr"), "/etc": Path("/etc"), python: Path(python), **read_only}
    lines = [f"mount -t tmpfs -o mode=0755 root {root}"]
    for name in _LINKS:
        if Path("/", name).is_symlink():
            lines.append(f"ln -s {Path('/', name).readlink()} {root}/{name}")
        elif Path("/", name).is_dir():
            binds[f"/{name}"] = Path("/", name)
    for place in (*binds, *tmpfs, "/proc", "/dev", folder):
        lines.append(f"mkdir -p {shlex.quote(f'{root}{place}')}")
    for place, source in binds.items():
        quoted = shlex.quote(f"{root}{place}")
        lines.append(f"mount --bind {shlex.quote(str(source))} {quoted}")
        lines.append(f"mount -o remount,bind,ro {quoted}")
    for place, options in tmpfs.items():
        lines.append(f"mount -t tmpfs -o {options} tmpfs {root}{place}")
    lines += [
        f"mount -t proc proc {root}/proc",
        f"mount --rbind /dev {root}/dev",
        *(() if network else _NETWORK),
        f"mount -o remount,ro {root}",
        f"exec chroot {root} {shlex.join([*_unprivileged(user, folder, environment), *command])}",
    ]
    unshare = ["unshare", "--mount", "--pid", "--fork", *(() if network else ("--net",))]
    if network:
        unshare = ["nsenter", "--target", str(network.pid), "--net", *unshare]
    with output.open("wb") as file:
        output.chmod(0o666)  # engines let a container's user open its own output again
        process = subprocess.Popen(
            [*unshare, "sh", "-ec", "umask 022\n" + "\n".join(lines)],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        pid = _number_one(process, command)
        yield Confined(process, pid, folder, environment, output, user)
    finally:
        # The kernel ends a namespace with its number 1. `unshare --kill-child` would not help: who
        # changes its user is no longer told of its parent's end.
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended by itself
            for child in psutil.Process(process.pid).children():
                child.kill()
        process.wait(30)


def _number_one(process: subprocess.Popen[bytes], command: Sequence[str]) -> int:
    """The process that was a shell and has become the command, when all is mounted."""
    end = time.monotonic() + 60
    words: list[str] = []
    while time.monotonic() < end and process.poll() is None:
        for child in psutil.Process(process.pid).children():
            words = child.cmdline()
            # nginx gives itself another title, which psutil takes for one word or for several.
            if words == list(command) or " ".join(words).startswith(f"{command[0]}: "):
                return child.pid
        time.sleep(0.01)
    raise AssertionError(f"{command[0]} was not started: {process.poll()}, last seen {words}")


def _unprivileged(user: int, folder: str, environment: Mapping[str, str]) -> list[str]:
    return [
        *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"),
        *("--bounding-set=-all", "--inh-caps=-all"),
        *("env", "-i", f"--chdir={folder}"),
        *(f"{name}={value}" for name, value in environment.items()),
    ]
