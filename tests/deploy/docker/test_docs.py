"""What docs/container.md says is true of the files."""

import re
from pathlib import Path

import pytest


@pytest.fixture
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture
def text(root: Path) -> str:
    return (root / "docs" / "container.md").read_text(encoding="utf-8")


def table(text: str, heading: str) -> set[str]:
    """The names in the first column of the table under a heading."""
    (rows,) = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.M)
    return {name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_every_build_argument_is_listed(text, docker):
    existing = re.findall(r"^ARG (\w+)", (docker / "Dockerfile").read_text(), re.MULTILINE)
    assert table(text, "`--build-arg`") == set(existing)


def test_every_variable_of_compose_is_listed(text, docker):
    existing = re.findall(r"\$\{(\w+)", (docker / "compose.yaml").read_text())
    assert table(text, "variable") == set(existing)


def test_docker_run_mounts_what_compose_mounts(text, compose):
    plain = [
        re.sub(r"\$\{\w+:-(\w+)\}", r"\1", line) for line in compose["services"]["server"]["tmpfs"]
    ]
    assert re.findall(r"--tmpfs (\S+)", text) == plain
