"""docs/metrics.md names what there is."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
DECLARED = yaml.safe_load((ROOT / "deploy" / "torchserve" / "metrics.yaml").read_text())


def rows(section: str) -> list[list[str]]:
    """Cells of the tables of a section."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


@pytest.mark.parametrize("kind", ["counter", "gauge", "histogram"])
def test_each_metric_has_a_row_with_its_type_and_labels(kind):
    described = {
        row[0].strip("`"): (row[1].partition(",")[0], set(re.findall(r"`(\w+)`", row[2])))
        for row in rows("Metrics")
        if row[0].startswith("`detectron2_")
    }
    usual = {"model_name", "model_version"}
    declared = {
        one["name"]: (kind, set(one["dimensions"]) - usual)
        for one in DECLARED["model_metrics"][kind]
        if one["name"].startswith("detectron2_")
    }
    assert declared
    assert declared.items() == {k: v for k, v in described.items() if v[0] == kind}.items()


def test_each_alert_has_a_row():
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    alerts = [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]
    assert [row[0].strip("`") for row in rows("Alerts")[2:]] == alerts


def test_each_row_of_the_dashboard_has_one_here():
    file = ROOT / "deploy" / "grafana" / "dashboards" / "detectron2.json"
    panels = json.loads(file.read_text(encoding="utf-8"))["panels"]
    titles = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert [row[0] for row in rows("The dashboard")[2:]] == titles


def test_the_metrics_that_dashboard_and_alerts_use_are_declared_and_described():
    names = {one["name"] for part in DECLARED.values() for kind in part.values() for one in kind}
    files = [*(ROOT / "deploy" / "grafana").rglob("*.json"), *(ROOT / "deploy").rglob("alerts.yml")]
    metric = re.compile(r"\b(?:detectron2|ts)_\w+_\w+|\bRequests\dXX|\bWorkerLoadTime")
    used = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for file in files
        for name in metric.findall(file.read_text())
    }
    assert used
    assert used <= names
    assert all(f"`{name}`" in TEXT for name in used)
