"""What the Prometheus operator's objects look like, read from models of them in a Python package.

They are generated from the operator's own cluster definitions, limits of values included.
"""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

CORE = "https://kubernetes.io/api/_definitions.json#/$defs/io.k8s."
Form = dict[str, Any]

_PLAIN = {"str": "string", "int": "integer", "bool": "boolean", "float": "number"}
_LIMITS = {
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
    "ge": "minimum",
    "le": "maximum",
}


def form(kind: str, models: Path) -> Form:
    """JSON Schema of an object, which refuses fields that it does not know.

    Args:
        kind: Such as `ServiceMonitor`.
        models: The package's module of one API version.
    """
    return {"$ref": f"#/$defs/{kind}", "$defs": _forms(models)}


@cache
def _forms(models: Path) -> Mapping[str, Form]:
    tree = ast.parse(models.read_text(encoding="utf-8"))
    return {node.name: _class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _class(node: ast.ClassDef) -> Form:
    for base in node.bases:  # RootModel[int]: a name for a type
        if isinstance(base, ast.Subscript) and ast.unparse(base.value) == "RootModel":
            return _type(base.slice)
    properties, required = {}, []
    for field in node.body:
        if not isinstance(field, ast.AnnAssign):
            continue
        name = _alias(field)
        properties[name] = _type(field.annotation)
        if field.value is None:
            required.append(name)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _alias(field: ast.AnnAssign) -> str:
    return str(_arguments(field.annotation).get("alias", ast.unparse(field.target)))


def _arguments(annotation: ast.expr) -> dict[str, Any]:
    """What stands in the Field of `Annotated[..., Field(...)]`."""
    if not _is(annotation, "Annotated"):
        return {}
    _, call = annotation.slice.elts
    return {one.arg: ast.literal_eval(one.value) for one in call.keywords}


def _is(annotation: ast.expr, name: str) -> bool:
    return isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == name


def _type(annotation: ast.expr) -> Form:
    if _is(annotation, "Annotated"):
        arguments = _arguments(annotation)
        limits = {_LIMITS[name]: value for name, value in arguments.items() if name in _LIMITS}
        return {**_type(annotation.slice.elts[0]), **limits}
    if _is(annotation, "Optional"):  # a field that is left out; null is no value of it
        return _type(annotation.slice)
    if _is(annotation, "Union"):
        return {"anyOf": [_type(one) for one in annotation.slice.elts]}
    if _is(annotation, "List"):
        return {"type": "array", "items": _type(annotation.slice)}
    if _is(annotation, "Dict"):
        return {"type": "object", "additionalProperties": _type(annotation.slice.elts[1])}
    if _is(annotation, "Literal"):
        values = ast.literal_eval(annotation.slice)
        return {"enum": list(values) if isinstance(values, tuple) else [values]}
    name = ast.unparse(annotation)
    if name in _PLAIN:
        return {"type": _PLAIN[name]}
    if name == "apimachinery.ObjectMeta":
        return {"$ref": f"{CORE}apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    if name.isidentifier() and name not in ("Any", "datetime"):
        return {"$ref": f"#/$defs/{name}"}
    return {}  # apimachinery's lists, times, and what may be anything
