"""Each query of the dashboard and of the alerts, asked of a Prometheus that has seen requests."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.metrics.conftest import Prometheus, Site

ROOT = Path(__file__).parents[3]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "detectron2.json").read_text())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}
QUERIES = {
    f"{title}, {target['legendFormat']}": target["expr"]
    for title, panel in PANELS.items()
    for target in panel["targets"]
}
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
ALERTS = {rule["alert"]: rule["expr"] for group in RULES["groups"] for rule in group["rules"]}

VARIABLES = {"$model": "coins|odd|batched", "$version": ".+", "$__rate_interval": "1m"}

MAY_BE_EMPTY = {
    "GPU memory, GPU {{device}} {{kind}}": "there is no GPU here",
    "Workers that started within ten minutes, {{model_name}} {{model_version}}": (
        "the server has not been up for ten minutes"
    ),
}


def asked_as(expression: str) -> str:
    """With Grafana's variables put in."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


@pytest.mark.parametrize("name", QUERIES)
def test_each_query_of_a_panel_has_an_answer(name, asked: Site, prometheus: Prometheus):
    series = prometheus.query(asked_as(QUERIES[name]))
    if name in MAY_BE_EMPTY:
        return
    assert series
    assert any(one["value"][1] != "NaN" for one in series)
    labels = re.findall(r"{{(\w+)}}", name)
    assert all(set(labels) <= set(one["metric"]) for one in series), "the legend has gaps"


def test_what_may_be_empty_is_asked_at_all():
    assert set(MAY_BE_EMPTY) <= set(QUERIES)


@pytest.mark.parametrize("name", MAY_BE_EMPTY)
def test_queries_that_may_be_empty_name_a_metric_that_the_server_declares(name, asked: Site):
    (metric,) = set(re.findall(r"detectron2_\w+", QUERIES[name]))
    assert f"# TYPE {metric} " in asked.scrape()


@pytest.mark.parametrize("name", ["model", "version"])
def test_variables_list_what_is_served(name, asked: Site, prometheus: Prometheus):
    (variable,) = [one for one in DASHBOARD["templating"]["list"] if one["name"] == name]
    selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()
    found = prometheus.get(f"label/{label}/values", **{"match[]": asked_as(selector)})
    assert found == {"model": ["batched", "coins", "odd"], "version": ["1.0"]}[name]


def test_stages_add_up_to_most_of_a_request(asked: Site, prometheus: Prometheus):
    (stages,) = prometheus.query('sum(detectron2_stage_seconds_sum{model_name="coins"})')
    (whole,) = prometheus.query('sum(detectron2_request_seconds_sum{model_name="coins"})')
    assert 0.8 < float(stages["value"][1]) / float(whole["value"][1]) <= 1


def test_prometheus_evaluates_each_alert(asked: Site, prometheus: Prometheus):
    (group,) = prometheus.get("rules")["groups"]
    assert {rule["name"]: rule["health"] for rule in group["rules"]} == dict.fromkeys(ALERTS, "ok")
    firing = {rule["name"] for rule in group["rules"] if rule["state"] == "firing"}
    assert "TorchServeDown" not in firing


@pytest.mark.parametrize("name", ALERTS)
def test_alerts_select_what_there_is(name, asked: Site, prometheus: Prometheus):
    # An alert has no answer as long as all is well, but what it selects has one.
    selectors = re.findall(r"\b(?:up|\w+_\w+|Requests\dXX)(?:{[^}]*})?(?=[\s\[)]|$)", ALERTS[name])
    metrics = [one for one in selectors if not one.startswith(("group_left", "histogram_quantile"))]
    metrics = [one for one in metrics if one not in ("model_name", "model_version")]
    assert metrics
    for one in metrics:
        assert prometheus.query(one), one


def test_a_real_error_is_seen_by_a_real_rate(asked: Site, prometheus: Prometheus):
    # Counters begin at 0: the first error of all is an increase already.
    (found,) = prometheus.query(
        'increase(detectron2_errors_total{model_name="batched", type="ImageTooLarge"}[1m])'
    )
    assert float(found["value"][1]) > 1


class TestDashboard:
    def test_panels_have_all_that_a_reader_needs(self):
        for title, panel in PANELS.items():
            assert panel["description"].endswith("."), title
            assert panel["fieldConfig"]["defaults"]["unit"], title
            assert panel["datasource"]["uid"] == "${datasource}", title

    def test_ids_are_unique(self):
        ids = [panel["id"] for panel in DASHBOARD["panels"]]
        assert len(ids) == len(set(ids))

    def test_panels_fill_the_grid_and_do_not_overlap(self):
        cells: dict[tuple[int, int], Any] = {}
        for panel in DASHBOARD["panels"]:
            place = panel["gridPos"]
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    assert cells.setdefault((x, y), panel["id"]) == panel["id"]
        assert {x for x, _ in cells} == set(range(24))
        assert len(cells) == 24 * (1 + max(y for _, y in cells))

    def test_provisioning_is_valid(self, deploy: Path):
        folder = deploy / "grafana" / "provisioning"
        (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())[
            "datasources"
        ]
        assert source["type"] == "prometheus"
        (provider,) = yaml.safe_load((folder / "dashboards" / "detectron2.yml").read_text())[
            "providers"
        ]
        assert provider["options"]["path"]
