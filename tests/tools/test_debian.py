import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tools import debian
from tests.tools.debian import PROGRAMS, ToolMissing, command, fetch


@pytest.fixture
def bare_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH of one empty folder, and nothing in the system's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(debian, "_SYSTEM_FOLDERS", ())
    return folder


@pytest.fixture
def apt_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Gives apt other settings, as if the machine had them."""

    def set_(**settings: str) -> None:
        file = tmp_path / "apt.conf"
        lines = [f'{key.replace("__", "::")} "{value}";' for key, value in settings.items()]
        file.write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.setenv("APT_CONFIG", str(file))

    return set_


def fetched(package: str, tools: Path) -> str:
    try:
        return fetch(package, tools=tools)
    except ToolMissing as reason:
        pytest.skip(str(reason))


def a_program(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\necho here\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def test_takes_what_the_machine_has(bare_path, tmp_path):
    nginx = a_program(bare_path / "nginx")
    assert command("nginx", tools=tmp_path / "tools") == [str(nginx)]


def test_looks_where_a_normal_users_path_does_not(bare_path, tmp_path, monkeypatch):
    nginx = a_program(tmp_path / "sbin" / "nginx")
    monkeypatch.setattr(debian, "_SYSTEM_FOLDERS", (str(nginx.parent),))
    assert command("nginx", tools=tmp_path / "tools") == [str(nginx)]


@pytest.mark.usefixtures("bare_path")
def test_takes_what_was_fetched(tmp_path):
    nginx = a_program(tmp_path / "nginx" / "usr" / "sbin" / "nginx")
    assert command("nginx", tools=tmp_path) == [str(nginx)]


@pytest.mark.usefixtures("bare_path")
def test_what_was_fetched_finds_the_libraries_that_came_with_it(tmp_path):
    nginx = a_program(tmp_path / "nginx" / "usr" / "sbin" / "nginx")
    folder = tmp_path / "nginx" / "usr" / "lib" / "x86_64-linux-gnu"
    inner = folder / "pulseaudio"
    inner.mkdir(parents=True)
    (folder / "libpcre2-8.so.0").touch()
    (inner / "libpulsecommon-16.1.so").touch()
    libraries = f"LD_LIBRARY_PATH={folder}{os.pathsep}{inner}"
    assert command("nginx", tools=tmp_path) == ["env", libraries, str(nginx)]


@pytest.mark.usefixtures("bare_path")
def test_says_how_to_get_what_is_not_there(tmp_path):
    with pytest.raises(ToolMissing, match="nginx is not on this machine; `make tools` fetches it"):
        command("nginx", tools=tmp_path)


@pytest.mark.usefixtures("bare_path")
def test_says_where_there_is_no_debian(tmp_path):
    with pytest.raises(ToolMissing, match="cannot be fetched: that needs Debian or Ubuntu"):
        fetch("nginx", tools=tmp_path)


@pytest.mark.usefixtures("bare_path")
def test_without_debian_the_command_goes_on_and_the_reason_is_kept(tmp_path, capsys):
    assert debian.main(["nginx"], tools=tmp_path) == 0
    assert "The tests that need it are skipped." in capsys.readouterr().out
    with pytest.raises(ToolMissing, match="that needs Debian or Ubuntu"):
        command("nginx", tools=tmp_path)


def test_fetches_a_package_and_says_its_version(tmp_path):
    sentence = fetched("hello", tmp_path)
    (listed,) = (tmp_path / "hello" / "packages.txt").read_text().splitlines()
    assert sentence.startswith(f"{listed} has come")
    run = subprocess.run([tmp_path / "hello/usr/bin/hello"], capture_output=True, check=True)
    assert run.stdout.startswith(b"Hello")
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".part")] == []


def test_fetches_where_apt_has_no_lists(tmp_path, apt_settings):
    apt_settings(Dir__State__Lists=str(tmp_path / "none"))
    fetched("hello", tmp_path / "tools")
    assert (tmp_path / "tools" / "hello" / "usr" / "bin" / "hello").is_file()


@pytest.mark.parametrize(
    ("package", "settings"),
    [
        pytest.param("no-such-package", {}, id="no such package"),
        pytest.param(
            "hello",
            {"Dir__Etc__SourceList": "/dev/null", "Dir__Etc__SourceParts": "/dev/null"},
            id="no mirror known",
        ),
        pytest.param("hello", {"Acquire__http__Proxy": "http://127.0.0.1:9"}, id="no network"),
    ],
)
def test_says_what_apt_says_where_nothing_comes(package, settings, tmp_path, apt_settings):
    if shutil.which("apt-get") is None:
        pytest.skip("There is no apt-get on this machine.")
    apt_settings(Dir__State__Lists=str(tmp_path / "none"), **settings)
    with pytest.raises(ToolMissing, match=rf"^{package} cannot be fetched from Debian: .+[^.]\.$"):
        fetch(package, tools=tmp_path / "tools")


@pytest.mark.parametrize("program", ["nginx", "prometheus", "promtool"])
def test_what_make_tools_brings_runs(program):
    try:
        line = command(program)
    except ToolMissing as reason:
        pytest.skip(str(reason))
    option = "-v" if program == "nginx" else "--version"
    subprocess.run([*line, option], capture_output=True, check=True, env={**os.environ})


def test_make_tools_asks_for_programs_that_are_known(pytestconfig):
    (line,) = [
        line
        for line in (pytestconfig.rootpath / "Makefile").read_text().splitlines()
        if "tests.tools.debian" in line
    ]
    assert set(line.split("tests.tools.debian")[1].split()) <= set(PROGRAMS)
