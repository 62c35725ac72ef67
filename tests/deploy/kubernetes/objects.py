"""Rendered objects, found by what they are."""

from typing import Any

Objects = list[dict[str, Any]]


def of_kind(objects: Objects, kind: str) -> Objects:
    return [one for one in objects if one["kind"] == kind]


def the(objects: Objects, kind: str, name: str | None = None) -> dict[str, Any]:
    """The only object of a kind, or the one of a name, without a digest at its end."""
    (found,) = [
        one
        for one in of_kind(objects, kind)
        if name is None or one["metadata"]["name"].startswith(name)
    ]
    return found
