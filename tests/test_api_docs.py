"""What docs/api.md and docs/openapi.yaml say is true of the handler."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from handler import errors
from handler.formats.registry import FORMATS
from handler.options import OPTION_NAMES, Options
from handler.settings import Settings


@pytest.fixture
def docs(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / "docs"


@pytest.fixture
def api(docs: Path) -> str:
    return (docs / "api.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its level."""
    level = heading.partition(" ")[0]
    found = text.partition(f"\n{heading}\n")[2]
    assert found, f"no heading {heading}"
    return re.split(rf"^{level} ", found, flags=re.MULTILINE)[0]


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, its head left out."""
    (rows, *_) = re.findall(r"(?:^\|.*\n)+", section(text, heading), re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()[2:]]


def test_every_option_is_documented_with_its_header_and_default(api):
    listed = {row[0].strip("`"): row for row in table(api, "## Options")}
    assert tuple(listed) == OPTION_NAMES
    for name, (_, header, _, _, default, _) in listed.items():
        assert header == f"`X-{name.replace('_', '-').title()}`"
        value = getattr(Options(), name)
        shown = "none" if value is None else str(value).removesuffix(".0")
        assert default.strip("`").partition(":")[0] == shown


def test_every_option_is_explained(api):
    explained = re.findall(r"^- ((?:`\w+`(?:, )?)+):", section(api, "## Options"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(explained)) == list(OPTION_NAMES)


def test_every_format_is_documented_with_its_content_type(api):
    listed = {row[0]: row[1].strip("`") for row in table(api, "## Response formats")}
    assert listed == {f"[`{name}`](#{name})": one.content_type for name, one in FORMATS.items()}
    headings = re.findall(r"^### `(\w+)`$", section(api, "## Response formats"), re.MULTILINE)
    assert headings == list(FORMATS)


def test_what_each_format_carries_is_documented(api):
    (rows,) = re.findall(
        r"^What each carries:\n\n((?:\|.*\n)+)", section(api, "## Response formats"), re.MULTILINE
    )
    first_cells = [row.split(" | ")[0] for row in rows.splitlines()[2:]]
    assert re.findall(r"`(\w+)`", " ".join(first_cells)) == list(FORMATS)


def test_every_error_is_documented_with_its_status(api):
    rows = re.findall(
        r"^\| (\d+) \| `(\w+)` \|", section(api, "## Errors of the handler"), re.MULTILINE
    )
    listed = {type_: int(status) for status, type_ in rows}
    existing = {
        error.__name__: error.status
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.HandlerError)
    }
    del existing["HandlerError"]  # a base that is never answered itself
    assert listed == existing


def test_the_owners_limits_are_documented(api):
    listed = {row[0].strip("`") for row in table(api, "## Limits")}
    assert {field.name for field in fields(Settings)} <= listed


def test_the_shipped_limits_are_documented(api, docs):
    shipped = yaml.safe_load((docs.parent / "export" / "model-config.yaml").read_text())
    listed = {row[0].strip("`"): row[1] for row in table(api, "## Limits")}
    for name, value in {
        **shipped["detectron2"],
        "responseTimeout": shipped["responseTimeout"],
    }.items():
        assert listed[name] == str(value)
    assert f"{Settings().max_response_bytes} where" in section(api, "## Limits")


def test_no_line_is_too_long(api):
    assert [line for line in api.splitlines() if len(line) > 110] == []


def test_openapi_has_the_same_formats(docs):
    document = yaml.safe_load((docs / "openapi.yaml").read_text(encoding="utf-8"))
    assert document["components"]["schemas"]["FormatName"]["enum"] == list(FORMATS)
