"""Objects of Kubernetes held against the schemas of a version of it, without a cluster."""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource

from tests.deploy.kubernetes import kserve_forms, operator_forms

VERSIONS = ("1.35", "1.36", "1.37")
"""The current one and two before it."""

CRDS = Path(__file__).parents[3] / "build" / "crds"
_KSERVE = CRDS / "kserve" / "models"
_OPERATOR = CRDS / "cloudcoil" / "models" / "prometheus_operator" / "v1.py"
_OTHERS = {
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): lambda: kserve_forms.form(
        "V1alpha1ServingRuntime", _KSERVE
    ),
    ("serving.kserve.io/v1beta1", "InferenceService"): lambda: kserve_forms.form(
        "V1beta1InferenceService", _KSERVE
    ),
    ("monitoring.coreos.com/v1", "ServiceMonitor"): lambda: operator_forms.form(
        "ServiceMonitor", _OPERATOR
    ),
    ("monitoring.coreos.com/v1", "PodMonitor"): lambda: operator_forms.form(
        "PodMonitor", _OPERATOR
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): lambda: operator_forms.form(
        "PrometheusRule", _OPERATOR
    ),
}


def problems(document: dict[str, Any], version: str) -> list[str]:
    """Everything that is wrong with an object: its path and a sentence.

    Fields that are not known are wrong, as they are to `kubectl apply --validate=strict`.

    Args:
        document: The object.
        version: Of Kubernetes, such as `1.37`.
    """
    key = document.get("apiVersion", ""), document.get("kind", "")
    try:
        validator = _validator(key, version)
    except FileNotFoundError:
        return [f"Kubernetes {version} knows no {key[1]} of {key[0]}"]
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@cache
def _validator(key: tuple[str, str], version: str) -> jsonschema.Draft202012Validator:
    if key in _OTHERS:
        schema = _OTHERS[key]()
    else:
        api, _, api_version = key[0].rpartition("/")
        name = "-".join(part for part in (api.partition(".")[0], api_version) if part)
        schema = _read(version, f"{key[1].lower()}-{name}.json")
    return jsonschema.Draft202012Validator(schema, registry=_definitions(version))


@cache
def _definitions(version: str) -> Registry[Any]:
    return Resource.from_contents(_read(version, "_definitions.json")) @ Registry()


def _read(version: str, name: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    return json.loads((folder / name).read_text(encoding="utf-8"))
