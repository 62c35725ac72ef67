"""Programs that tests need and no Python package brings, from Debian's packages, without root.

    python -m tests.tools.debian nginx prometheus

looks for each on this machine and fetches what is not there into `build/tools/`. Debian's mirrors
keep the newest version of a package alone, so none can be pinned: what came is printed, and stands
in `build/tools/PACKAGE/packages.txt`.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

TOOLS = Path(__file__).parents[2] / "build" / "tools"

# Program -> its package, and where it lies in there. A wrapper script that names the real program
# by its absolute path is no use: chromium's own is passed over.
PROGRAMS = {
    "nginx": ("nginx", "usr/sbin/nginx"),
    "prometheus": ("prometheus", "usr/bin/prometheus"),
    "promtool": ("prometheus", "usr/bin/promtool"),
    "openssl": ("openssl", "usr/bin/openssl"),
    "kustomize": ("kustomize", "usr/bin/kustomize"),  # of Debian 13; kubectl has it as well
    "chromium": ("chromium", "usr/lib/chromium/chromium"),
}

# Servers lie there, and a normal user's PATH leaves it out.
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class ToolMissing(Exception):
    """A program is neither here nor to be had; the message is one sentence that says why."""


def command(program: str, *, tools: Path = TOOLS) -> list[str]:
    """The command line that starts a program, but for its arguments.

    Args:
        program: A key of `PROGRAMS`.
        tools: Folder that `fetch` has filled.

    Raises:
        ToolMissing: The machine does not have it and it was not fetched.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
    if found := shutil.which(program, path=path):
        return [found]
    package, inside = PROGRAMS[program]
    unpacked = tools / package
    if (unpacked / inside).is_file():
        libraries = os.pathsep.join(_library_folders(unpacked))
        # `env` becomes the program: its process id is the program's.
        return [
            *(["env", f"LD_LIBRARY_PATH={libraries}"] if libraries else []),
            str(unpacked / inside),
        ]
    reason = _missing_note(tools, package)
    if reason.is_file():
        raise ToolMissing(reason.read_text(encoding="utf-8").strip())
    raise ToolMissing(f"{program} is not on this machine; `make tools` fetches it from Debian.")


def fetch(package: str, *, tools: Path = TOOLS) -> str:
    """Fetch a package with what it depends on and this machine lacks, and unpack both.

    A normal user may do it: nothing is installed. An interrupted download goes on where it stopped.

    Args:
        package: Name of a Debian package.
        tools: It is unpacked into a folder of this one.

    Returns:
        What came, as a sentence.

    Raises:
        ToolMissing: This is no Debian, or its mirror cannot be reached, or has no such package.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise ToolMissing(
            f"{package} is not on this machine, and cannot be fetched: that needs Debian or Ubuntu."
        )
    scratch = tools / f"{package}.part"
    archives = scratch / "cache" / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    _download(package, scratch / "cache", own_lists=tools / "lists")
    unpacked = scratch / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    packed = sorted(archives.glob("*.deb"))
    for archive in packed:
        subprocess.run(["dpkg-deb", "-x", str(archive), str(unpacked)], check=True)
    versions = dict(unquote(archive.name).split("_")[:2] for archive in packed)
    listed = "".join(f"{name} {version}\n" for name, version in versions.items())
    (unpacked / "packages.txt").write_text(listed, encoding="utf-8")
    size_mb = sum(archive.stat().st_size for archive in packed) / 1e6
    shutil.rmtree(tools / package, ignore_errors=True)
    unpacked.rename(tools / package)
    shutil.rmtree(scratch)
    return (
        f"{package} {versions[package]} has come, packages in all: {len(packed)}, {size_mb:.1f} MB."
    )


def _download(package: str, cache: Path, *, own_lists: Path) -> None:
    """Let apt work out what is missing, fetch it and check its signatures."""
    install = ["install", "--yes", "--download-only", package]
    if _apt(cache, install).succeeded:
        return
    # Minimal machines have no lists of packages, and old lists name versions that are gone.
    (own_lists / "partial").mkdir(parents=True, exist_ok=True)
    lists = ["-o", f"Dir::State::Lists={own_lists}"]
    # One of the machine's sources may fail without harm: whether the package came decides.
    updated = _apt(cache, [*lists, "update"])
    installed = _apt(cache, [*lists, *install])
    if not installed.succeeded:
        reason = [*updated.complaints, *installed.complaints, "apt-get gave no reason"][0]
        raise ToolMissing(f"{package} cannot be fetched from Debian: {reason.rstrip(' .')}.")


class _Result(NamedTuple):
    succeeded: bool
    complaints: list[str]


def _apt(cache: Path, arguments: Sequence[str]) -> _Result:
    """Run apt-get, and show what it downloads."""
    complaints = []
    settings = {
        "Dir::Cache": cache,
        "Debug::NoLocking": "true",  # the machine's own database is read, never written
        "APT::Sandbox::User": "",  # the user that root would change to may not write here
        "APT::Install-Recommends": "false",
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": "30",
    }
    options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
    with subprocess.Popen(
        ["apt-get", *options, *arguments],
        env={**os.environ, "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Get:"):
                print(f"    {line}", end="", flush=True)
            if line.startswith(("E: ", "W: ")):
                complaints.append(" ".join(line[3:].split()))
    return _Result(process.returncode == 0, complaints)


def _library_folders(unpacked: Path) -> list[str]:
    # Some have a folder of their own, which a library built for Debian finds by its absolute path.
    folders = {file.parent for file in unpacked.glob("**/lib/*-linux-*/**/*.so*")}
    return sorted(str(folder) for folder in folders)


def _missing_note(tools: Path, package: str) -> Path:
    return tools / f"{package}.missing"


def main(arguments: Sequence[str] | None = None, *, tools: Path = TOOLS) -> int:
    """Run the command; a program that cannot be had is a sentence, and no failure.

    Returns:
        The exit code, 0.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.tools.debian")
    parser.add_argument("programs", nargs="+", choices=sorted(PROGRAMS))
    for program in parser.parse_args(arguments).programs:
        package, _ = PROGRAMS[program]
        note = _missing_note(tools, package)
        note.unlink(missing_ok=True)
        try:
            command(program, tools=tools)
            continue
        except ToolMissing:
            print(f"==> Fetching {package} from Debian", flush=True)
        try:
            print(fetch(package, tools=tools))
        except ToolMissing as error:
            print(f"{error} The tests that need it are skipped.")
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{error}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
