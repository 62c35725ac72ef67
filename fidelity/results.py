"""Rows that are kept, one line of JSON each, and what makes them stale."""

import ast
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from export.versions import installed_versions
from fidelity.zoo import Scale

Rows = list[dict[str, Any]]

_CHECKOUT = Path(__file__).parents[1]
_JUDGED = ("handler", "export")
_PACKAGES = ("torch", "torchvision", "sal-detectron2", "detectron2", "numpy", "pillow")


def state_of_things(scale: Scale) -> dict[str, Any]:
    """All that a row depends on besides its config: `versions`, `threads`, `scale`, `code`.

    The code is a digest of what is judged, `handler` and `export`, without its comments and
    docstrings.
    """
    files = sorted(file for name in _JUDGED for file in (_CHECKOUT / name).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(_CHECKOUT).as_posix()}\n".encode())
        digest.update(_meaning(file.read_text(encoding="utf-8")).encode())
    return {
        "versions": installed_versions(_PACKAGES),
        "threads": torch.get_num_threads(),
        "scale": json.loads(json.dumps(asdict(scale))),
        "code": digest.hexdigest()[:16],
    }


class Results:
    """A file with the rows of each config, and the state of things that they were found in."""

    def __init__(self, path: Path, state: dict[str, Any]) -> None:
        self._path = path
        self._state = state
        self._lines: dict[str, dict[str, Any]] = {}
        if path.is_file():
            lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
            self._lines = {line["config"]: line for line in lines}

    def rows(self, config: str) -> Rows | None:
        """The rows of a config, or None where there are none that were found in this state."""
        line = self._lines.get(config)
        return line["rows"] if line is not None and line["state"] == self._state else None

    def is_stale(self, config: str) -> bool:
        """Whether there are rows, but of another state."""
        return config in self._lines and self.rows(config) is None

    def keep(self, config: str, rows: Rows) -> None:
        """Put the rows of a config into the file at once, in place of older ones."""
        self._lines[config] = {"config": config, "rows": rows, "state": self._state}
        lines = (json.dumps(self._lines[name], sort_keys=True) for name in sorted(self._lines))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        written = self._path.with_suffix(".new")
        try:
            written.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            written.replace(self._path)
        finally:
            written.unlink(missing_ok=True)


def _meaning(source: str) -> str:
    """A module's syntax tree without its docstrings, as text."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            has_docstring = ast.get_docstring(node) is not None
            node.body = node.body[has_docstring:]
    return ast.dump(tree)
