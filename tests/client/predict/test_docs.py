"""docs/client.md: its examples are run, and its tables are those of the code."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

import client
from client.predict.cli import EPILOG, build_parser
from client.predictions import Predictions, Segment
from examples.coins.photograph import load_photograph, photograph_path
from server.properties import addresses, write_properties
from tests.client.predict.conftest import load
from tests.images import png


@pytest.fixture(scope="module")
def text(pytestconfig) -> str:
    return (pytestconfig.rootpath / "docs" / "client.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def examples(text) -> dict[str, str]:
    blocks = re.findall(r"<!-- tested: (\S+) -->\n((?:    .*\n|\n)+)", text)
    assert len(blocks) == text.count("<!-- tested: ")
    return {name: textwrap.dedent(block) for name, block in blocks}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, served) -> Path:
    """Where somebody stands who types what is written there: beside the server's files."""
    place = tmp_path_factory.mktemp("typed")
    write_properties(place / "config.properties", served.properties)
    shutil.copy(served.work_dir / "key_file.json", place)
    shutil.copy(photograph_path(), place / "photograph.png")
    whole = load_photograph()
    (place / "photographs").mkdir()
    for number in range(3):
        part = png(whole[:160, 90 * number : 90 * number + 200])
        (place / "photographs" / f"{number}.png").write_bytes(part)
    (place / "photographs" / "broken.jpg").write_bytes(b"not an image")
    return place


@pytest.fixture(scope="module")
def run(examples, folder, served, pytestconfig):
    """Runs an example by name, as a program or in a shell."""
    host, port = addresses(served.properties)["inference_address"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(pytestconfig.rootpath),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    def type_in(name: str) -> "subprocess.CompletedProcess[str]":
        script = examples[name].replace("127.0.0.1:8080", f"{host}:{port}")
        is_shell = script.startswith(("python ", "cp "))
        script = script.replace(".venv/lib", f"{pytestconfig.rootpath}/.venv/lib")
        command = ["sh", "-e", "-c"] if is_shell else [sys.executable, "-W", "ignore", "-c"]
        return subprocess.run(
            [*command, script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return type_in


def test_every_example_is_run_here(examples):
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in examples if f'run("{name}")' not in source] == []


def test_the_photograph(run, folder):
    (folder / "photograph.png").unlink()
    assert run("photograph").returncode == 0
    assert (folder / "photograph.png").is_file()


def test_one_image(run):
    done = run("one")
    lines = done.stdout.splitlines()
    assert len(lines) == 25, done.stderr
    assert lines[0].startswith("coin 1.000 [")
    assert lines[-1] == "(24, 303, 384) bool"


def test_many_images(run):
    lines = run("many").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["0.png", "1.png", "2.png", "broken.jpg"]
    assert all(int(line.split()[1]) > 3 for line in lines[:3])
    assert "UndecodableImage" in lines[3]


def test_libraries(run):
    assert re.fullmatch(r"True \[(\d+\.\d+, ){3}\d+\.\d+\]\n", run("libraries").stdout)


def test_errors(run):
    assert run("errors").stdout == "400 UndecodableImage\n"


def test_the_command_and_what_reads_its_files(run, folder, text):
    done = run("predict")
    assert done.returncode == 1
    shown = text.partition("and draws the answers:\n")[2].partition("and on stderr")[0]
    for line in re.findall(r"^    (\w.*)$", shown, re.MULTILINE):
        pattern = re.sub(r"[\d.,]+", r"[\\d.,]+", re.escape(line).replace(r"\.", "."))
        pattern = re.sub(r"(\\ )+", r" +", pattern)
        assert re.search(f"^ *{pattern}$", done.stdout, re.MULTILINE), line
    assert done.stderr.endswith("accepted are JPEG, PNG, WEBP, BMP, TIFF, GIF.\n")
    assert "broken.jpg: 400 UndecodableImage: The 12 bytes received are not an image" in done.stderr
    listed = re.findall(r"^\| `(\w+\.\w+)` \|", text, re.MULTILINE)
    names = {file.name for file in (folder / "found").iterdir()}
    assert names == {*listed, "photograph.png", "0.png", "1.png", "2.png"}
    results = load(folder / "found" / "coco_results.json")
    assert run("coco").stdout.splitlines()[-1] == str(len(results))
    summary = load(folder / "found" / "summary.json")
    section = text.partition("### The summary\n")[2]
    rows = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(summary)
    assert set(summary["times_s"]["client"]) <= set(re.findall(r"`(\w+)`", section))


def test_demo(run, folder):
    done = run("demo")
    assert done.returncode == 0, done.stderr
    assert len(list((folder / "found2").glob("*.png"))) == 3


def test_every_argument_is_in_the_table(text):
    section = text.partition("### All arguments\n")[2].partition("### ")[0]
    existing = {
        option
        for action in build_parser()._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    assert set(re.findall(r"`(--[a-z-]+)`", section)) == existing
    for action in build_parser()._actions:
        if isinstance(action.default, int | float) and not isinstance(action.default, bool):
            assert re.search(rf"\| `{action.option_strings[0]}` \| {action.default:g} \|", section)


def test_exit_codes_are_those_of_the_help(text):
    rows = text.partition("| exit code | |\n")[2].partition("\n\n")[0]
    table = re.findall(r"^\| ([\d, ]+) \|", rows, re.MULTILINE)
    helped = EPILOG.partition("exit codes: ")[2].replace("\n", " ")
    assert re.findall(r"\d+", " ".join(table)) == re.findall(r"\b\d+\b", helped)


def test_every_attribute_and_public_name_is_there(text):
    section = text.partition("### What an answer is\n")[2].partition("\n### ")[0]
    listed = set(re.findall(r"`(\w+)`", section))
    assert {field.name for field in fields(Predictions)} | {"masks"} <= listed
    assert {field.name for field in fields(Segment)} <= listed
    for name in client.__all__:
        assert re.search(rf"\b{name}\b", text), name


def test_links_and_lines(text, pytestconfig):
    docs = pytestconfig.rootpath / "docs"
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert len(links) > 15
    for link in links:
        file, _, anchor = link.partition("#")
        target = docs / file if file else docs / "client.md"
        assert target.exists(), link
        headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
        assert not anchor or anchor in anchors, link
    assert [
        line for line in text.splitlines() if len(line) > 110 and not line.startswith("|")
    ] == []


def test_it_needs_what_it_says(pytestconfig):
    script = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import client.predict.cli, client.detector, client.drawing\n"
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(n for n in names if n not in sys.stdlib_module_names and n[0] != '_'))\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    unimportant = {
        "cython_runtime",
        "certifi",
        "charset_normalizer",
        "idna",
        "urllib3",
        "brotli",
        "h2",
        "socks",
    }
    assert set(printed) - unimportant == {"client", "cv2", "numpy", "pycocotools", "requests"}
