"""The alerts under promtool: numbers that make each fire, and numbers that must not."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.metrics.conftest import program

CASES = Path(__file__).with_name("alerts.test.yml")


def promtool(*arguments: str) -> str:
    run = subprocess.run(
        [*program("promtool"), *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_the_configuration_is_valid(deploy):
    said = promtool("check", "config", str(deploy / "prometheus" / "prometheus.yml"))
    assert "1 rule files found" in said
    assert "8 rules found" in said


def test_alerts_fire_when_they_should_and_only_then():
    promtool("test", "rules", str(CASES))


@pytest.mark.parametrize("fires", [True, False], ids=["fires", "does not"])
def test_each_alert_has_such_a_case(fires, deploy):
    rules = yaml.safe_load((deploy / "prometheus" / "alerts.yml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    cases = [
        one
        for test in yaml.safe_load(CASES.read_text())["tests"]
        for one in test["alert_rule_test"]
        if bool(one["exp_alerts"]) is fires
    ]
    assert {one["alertname"] for one in cases} == alerts
