"""The alerts under promtool: numbers that make each fire, and numbers that must not."""

from pathlib import Path

import pytest
import yaml

from tests.deploy.metrics.conftest import promtool

CASES = Path(__file__).with_name("alerts.test.yml")


def test_the_configuration_is_valid(deploy):
    said = promtool("check", "config", deploy / "prometheus" / "prometheus.yml")
    assert "1 rule files found" in said
    assert "9 rules found" in said


def test_alerts_fire_when_they_should_and_only_then():
    promtool("test", "rules", CASES)


@pytest.mark.parametrize("fires", [True, False], ids=["fires", "does not"])
def test_each_alert_has_such_a_case(fires, deploy):
    rules = yaml.safe_load((deploy / "prometheus" / "alerts.yml").read_text())
    (group,) = rules["groups"]
    alerts = {rule["alert"] for rule in group["rules"] if "alert" in rule}
    cases = [
        one
        for test in yaml.safe_load(CASES.read_text())["tests"]
        for one in test["alert_rule_test"]
        if bool(one["exp_alerts"]) is fires
    ]
    assert {one["alertname"] for one in cases} == alerts
