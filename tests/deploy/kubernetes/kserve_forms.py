"""What KServe's objects look like, read from the models of its Python package.

Its cluster definitions come in no package of a registry. The models are generated from the
same Go types: names of fields and their types, but for limits of values.
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

CORE = "https://kubernetes.io/api/_definitions.json#/$defs/io.k8s."
Form = dict[str, Any]

_PLAIN = {
    "str": "string",
    "int": "integer",
    "bool": "boolean",
    "float": "number",
    "object": "object",
}
_CORE = {
    "V1ObjectMeta": "apimachinery.pkg.apis.meta.v1.ObjectMeta",
    "V1Time": "apimachinery.pkg.apis.meta.v1.Time",
    "V1Condition": "apimachinery.pkg.apis.meta.v1.Condition",
    "V1LabelSelector": "apimachinery.pkg.apis.meta.v1.LabelSelector",
    "ResourceQuantity": "apimachinery.pkg.api.resource.Quantity",
    "K8sIoApiAppsV1DeploymentStrategy": "api.apps.v1.DeploymentStrategy",
}


def form(kind: str, models: Path) -> Form:
    """JSON Schema of an object, which refuses fields that it does not know.

    Args:
        kind: A model's class, such as `V1beta1InferenceService`.
        models: Folder of the package's models.
    """
    found: dict[str, Form] = {}
    missing = [kind]
    while missing:
        name = missing.pop()
        if name not in found:
            found[name] = _object(name, models)
            missing += re.findall(r'"#/\$defs/(\w+)"', str(found[name]).replace("'", '"'))
    return {"$ref": f"#/$defs/{kind}", "$defs": found}


def _object(name: str, models: Path) -> Form:
    tree = ast.parse(_files(models)[name].read_text(encoding="utf-8"))
    (model,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    tables = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in model.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if node.targets[0].id in ("openapi_types", "attribute_map")
    }
    fields = {
        tables["attribute_map"][name]: type_ for name, type_ in tables["openapi_types"].items()
    }
    return {
        "type": "object",
        "properties": {field: _type(text, models) for field, text in fields.items()},
        "additionalProperties": False,
    }


def _type(text: str, models: Path) -> Form:
    if text in _PLAIN:
        return {"type": _PLAIN[text]}
    if list_of := re.fullmatch(r"list\[(.+)\]", text):
        return {"type": "array", "items": _type(list_of[1], models)}
    if dict_of := re.fullmatch(r"dict\(str, (.+)\)", text):
        return {"type": "object", "additionalProperties": _type(dict_of[1], models)}
    if text in _CORE:
        return {"$ref": f"{CORE}{_CORE[text]}"}
    if text in _files(models):
        return {"$ref": f"#/$defs/{text}"}
    return {"$ref": f"{CORE}api.core.v1.{text.removeprefix('V1')}"}


@cache
def _files(models: Path) -> dict[str, Path]:
    """Each model's file by its class."""
    return {
        name: file
        for file in models.glob("*.py")
        for name in re.findall(r"^class (\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
