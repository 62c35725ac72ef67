"""What docs/security.md says was tried is tried, and no line of config.properties is left out."""

import re
from pathlib import Path

import pytest

from server.properties import read_properties

ELSEWHERE = {
    "model_store",
    "load_models",
    "metrics_mode",
    "metrics_config",
    "grpc_inference_port",
    "grpc_management_port",
}


@pytest.fixture
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture
def text(root: Path) -> str:
    return (root / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists(root, text):
    named = set(re.findall(r"`(test_\w+)`", text))
    sources = "".join(file.read_text(encoding="utf-8") for file in root.glob("tests/**/test_*.py"))
    assert named
    assert {name for name in named if f"def {name}(" not in sources} == set()


def test_every_row_of_what_was_tried_names_its_test_or_says_that_there_is_none(text):
    (section,) = re.findall(r"^## What was tried\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| .*\|$", section, re.MULTILINE)[1:]
    assert len(rows) > 20
    for row in rows:
        assert re.search(r"\| (`test_\w+`(, )?)+ \|$|\| not in a test \|$", row), row


def test_every_line_of_the_configuration_is_explained(root, text):
    (section,) = re.findall(
        r"^## What the defaults do\n(.*?)^Left at", text, re.MULTILINE | re.DOTALL
    )
    explained = set(re.findall(r"`([a-z_]+)`", section))
    assert set(read_properties(root / "config.properties")) - ELSEWHERE <= explained


def test_the_configuration_of_nginx_is_described_as_it_is(root):
    text = (root / "deploy/nginx/README.md").read_text(encoding="utf-8")
    shipped = "".join(f.read_text(encoding="utf-8") for f in (root / "deploy/nginx").glob("*.conf"))
    types = re.findall(r"^\| \d+ \| `(\w+)` \|", text, re.MULTILINE)
    assert types
    assert [one for one in types if f'"type":"{one}"' not in shipped] == []
    for quoted in ("models.example.org", "allow 192.0.2.10", "rate=20r/s", "burst=40"):
        assert quoted in text
        assert quoted in shipped
    for port in re.findall(r"^\| (\d+) \| ", text.partition("## Install")[0], re.MULTILINE):
        assert re.search(rf"listen {port}[ ;]", shipped)
