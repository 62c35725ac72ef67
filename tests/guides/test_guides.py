"""What all guides have in common: an index, commands that tests type, options that exist."""

import re
from pathlib import Path

import pytest

from client.evaluate.cli import build_parser as evaluate_parser
from client.models.arguments import build_parser as models_parser
from client.predict.cli import build_parser as predict_parser
from export.cli import build_parser as export_parser
from tests.guides.guide import GUIDES

OF_OTHERS = {
    *("--cfg", "--wts", "--output-dir", "--image-ext", "--thresh", "--output-ext", "--always-out"),
    *("--mem", "--cpus-per-task", "--model-api"),
}
"""Of infer_simple.py, sbatch and `python -m server`."""


@pytest.fixture(scope="module")
def folder(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / "docs" / "guides"


def test_the_index_has_all(folder):
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert {f"{name}.md" for name in GUIDES} == {one.name for one in folder.iterdir()} - {
        "README.md"
    }
    assert re.findall(r"\]\(([\w-]+)\.md\)", index) == list(GUIDES)


@pytest.mark.parametrize("name", GUIDES)
def test_every_command_is_typed_by_a_test(name, guides):
    here = Path(__file__)
    sources = [here.with_name(f"test_{name.replace('-', '_')}.py"), here.with_name("conftest.py")]
    text = "".join(file.read_text(encoding="utf-8") for file in sources)
    typed = {*re.findall(r'"([\w.]+)"', text), "serve"}
    assert guides[name].tested.keys() - typed == set()


def test_one_server_is_what_all_guides_start(guides):
    commands = {name: guide.tested.get("serve") for name, guide in guides.items()}
    plain = ".venv/bin/python -m server\n"
    assert commands == {
        **dict.fromkeys(("cityscapes", "xray", "detectron1"), plain),
        "handed-over": plain.replace("\n", " --model-api\n"),
        "hpc": None,  # its job does
    }


@pytest.mark.parametrize("name", GUIDES)
def test_every_option_that_is_named_exists(name, guides):
    known = set(OF_OTHERS)
    for parser in (evaluate_parser(), predict_parser(), export_parser()):
        known |= set(parser._option_string_actions)
    (commands,) = (one for one in models_parser()._actions if one.dest == "command")
    known |= set(commands.choices["rollout"]._option_string_actions)
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", guides[name].text)) - known == set()


@pytest.mark.parametrize("name", GUIDES)
def test_no_line_is_too_long(name, guides):
    lines = guides[name].text.splitlines()
    assert [line for line in lines if len(line) > 120 and line[0] != "|"] == []
