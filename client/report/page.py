"""Sections -> one HTML file that asks nobody for anything."""

import base64
import hashlib
import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from client.report.sections import Section

_HERE = Path(__file__).parent
_SCRIPTS = ("dom.js", "table.js", "plots.js", "matrix.js", "gallery.js", "page.js")
"""In the order in which they need one another."""


@dataclass(frozen=True)
class Page:
    """What a page shows.

    Attributes:
        title: Its title.
        lead: A line below.
        sections: From top to bottom.
    """

    title: str
    lead: str
    sections: Sequence[Section]


def render(page: Page) -> str:
    """The page as HTML, scripts, styles, data and pictures in it.

    Its Content-Security-Policy lets a browser run and apply what is written here alone, and load
    nothing from anywhere.
    """
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    scripts = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'(() => {{\n"use strict";\n{scripts}}})();\n'
    policy = (
        f"default-src 'none'; img-src data:; style-src {_digest(style)}; "
        f"script-src {_digest(script)}"
    )
    parts = {
        "title": html.escape(page.title),
        "policy": policy,
        "style": style,
        "data": _embedded(_plain(page)),
        "script": script,
    }
    template = (_HERE / "template.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(document: Any) -> str:
    """JSON that may stand inside an element: nothing in it ends that element or begins another."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _plain(value: Any) -> Any:
    """Dataclasses as objects with their kind, NaN as null."""
    if is_dataclass(value):
        kind = {"kind": value.kind} if isinstance(value, Section) else {}
        return {
            **kind,
            **{field.name: _plain(getattr(value, field.name)) for field in fields(value)},
        }
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value]
