"""Each query of the dashboard and of the alerts, asked of a Prometheus that has seen requests."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.metrics.conftest import RULES, Prometheus, Site, promtool

ROOT = Path(__file__).parents[3]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "detectron2.json").read_text())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}
QUERIES = {
    f"{title}, {target['legendFormat']}": target["expr"]
    for title, panel in PANELS.items()
    for target in panel["targets"]
}
METRICS = yaml.safe_load((ROOT / "deploy" / "torchserve" / "metrics.yaml").read_text())

VARIABLES = {"$model": "coins|odd|batched|idle", "$version": ".+", "$__rate_interval": "1m"}

OF_A_GPU = "GPU memory, GPU {{device}} {{kind}}"


def asked_as(expression: str) -> str:
    """With Grafana's variables put in."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


@pytest.mark.parametrize("name", [name for name in QUERIES if name != OF_A_GPU])
def test_each_query_of_a_panel_has_an_answer(name, asked: Site, prometheus: Prometheus):
    series = prometheus.query(asked_as(QUERIES[name]))
    assert series
    assert any(one["value"][1] != "NaN" for one in series)
    labels = re.findall(r"{{(\w+)}}", name)
    assert all(set(labels) <= set(one["metric"]) for one in series), "the legend has gaps"


def test_the_query_about_a_gpu_has_an_answer_where_one_is_reported(asked: Site, tmp_path):
    """A worker on a GPU reports what it has; promtool reads the query as Prometheus would."""
    (name,) = re.findall(r"detectron2_\w+", QUERIES[OF_A_GPU])
    assert f"# TYPE {name} gauge" in asked.scrape()
    (declared,) = [one for one in METRICS["model_metrics"]["gauge"] if one["name"] == name]

    def series(model: str, value: int) -> dict[str, str]:
        values = {"kind": "used", "device": "1", "model_name": model, "model_version": "1.0"}
        labels = ", ".join(f'{label}="{values[label]}"' for label in declared["dimensions"])
        return {"series": f'{name}{{instance="a", {labels}}}', "values": str(value)}

    answer = {"labels": '{instance="a", kind="used", device="1"}', "value": 7}
    query = {"expr": asked_as(QUERIES[OF_A_GPU]), "eval_time": "0m", "exp_samples": [answer]}
    case = {"input_series": [series("coins", 5), series("odd", 7)], "promql_expr_test": [query]}
    (tmp_path / "case.yml").write_text(yaml.safe_dump({"tests": [case]}))
    promtool("test", "rules", tmp_path / "case.yml")


def test_a_model_that_no_worker_has_loaded_goes_without_an_answer(asked: Site, prometheus):
    (name,) = [name for name in QUERIES if name.startswith("Requests without an answer")]
    panel = {one["metric"]["model_name"]: one for one in prometheus.query(asked_as(QUERIES[name]))}
    assert float(panel["idle"]["value"][1]) > 0
    alert = prometheus.query(RULES["RequestsUnanswered"])
    assert [one["value"][1] for one in alert if one["metric"]["model_name"] == "idle"] == ["1"]


@pytest.mark.parametrize("name", ["model", "version"])
def test_variables_list_what_is_served(name, asked: Site, prometheus: Prometheus):
    (variable,) = [one for one in DASHBOARD["templating"]["list"] if one["name"] == name]
    selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()
    found = prometheus.get(f"label/{label}/values", **{"match[]": asked_as(selector)})
    assert found == {"model": ["batched", "coins", "idle", "odd"], "version": ["1.0"]}[name]


def test_stages_add_up_to_most_of_a_request(asked: Site, prometheus: Prometheus):
    (stages,) = prometheus.query('sum(detectron2_stage_seconds_sum{model_name="coins"})')
    (whole,) = prometheus.query('sum(detectron2_request_seconds_sum{model_name="coins"})')
    assert 0.8 < float(stages["value"][1]) / float(whole["value"][1]) <= 1


def test_prometheus_evaluates_each_rule(asked: Site, prometheus: Prometheus):
    (group,) = prometheus.get("rules")["groups"]
    assert {rule["name"]: rule["health"] for rule in group["rules"]} == dict.fromkeys(RULES, "ok")
    firing = {rule["name"] for rule in group["rules"] if rule.get("state") == "firing"}
    assert "TorchServeDown" not in firing


@pytest.mark.parametrize("name", RULES)
def test_rules_select_what_there_is(name, asked: Site, prometheus: Prometheus):
    # An alert has no answer as long as all is well, but what it selects has one.
    names = r"up|[\w:]+_\w+|Requests\dXX|WorkerLoadTime"
    selectors = re.findall(rf"\b(?:{names})(?:{{[^}}]*}})?(?=[\s\[),]|$)", RULES[name])
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
