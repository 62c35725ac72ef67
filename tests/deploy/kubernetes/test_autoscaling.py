"""What the autoscaler goes by: it has to come down again."""

import math
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.kubernetes.conftest import SCALED
from tests.deploy.kubernetes.objects import the
from tests.tools.debian import ToolMissing, command


@pytest.fixture
def answers(tmp_path: Path) -> Callable[..., None]:
    """Holds queries against what they must answer, by Prometheus' own program."""
    try:
        promtool = command("promtool")
    except ToolMissing as reason:
        pytest.skip(str(reason))

    def check(series: dict[str, str], expected: list[tuple[str, int, dict[str, float]]]) -> None:
        tests = [
            {
                "expr": query,
                "eval_time": f"{minute}m",
                "exp_samples": [
                    {"labels": f'{{pod="{pod}"}}', "value": value} for pod, value in values.items()
                ],
            }
            for query, minute, values in expected
        ]
        document = {
            "tests": [
                {
                    "interval": "15s",
                    "input_series": [
                        {"series": name, "values": values} for name, values in series.items()
                    ],
                    "promql_expr_test": tests,
                }
            ]
        }
        file = tmp_path / "case.yml"
        file.write_text(yaml.safe_dump(document))
        run = subprocess.run(
            [*promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr

    return check


def counter(metric: str, pod: str, *steps: tuple[int, int], model: str = "m") -> dict[str, str]:
    """A sum that grows by so many microseconds in each quarter of a minute, so many times."""
    labels = f'namespace="pets",pod="{pod}",model_name="{model}",model_version="1.0"'
    parts, value = [], 0
    for step, times in steps:
        parts.append(f"{value}+{step}x{times}")
        value += step * (times + 1)
    return {f"{metric}{{{labels}}}": " ".join(parts)}


QUEUE, INFERENCE = "ts_queue_latency_microseconds", "ts_inference_latency_microseconds"
QUARTER_US = 15_000_000
RAW = f'sum by (pod) ({QUEUE}{{namespace="pets"}})'


def test_requests_that_wait_are_counted_while_they_do_and_not_afterwards(queries, answers):
    """Three wait in pod a for ten minutes, two of one model and one of another; b is idle."""
    busy, idle = (2 * QUARTER_US, 40), (0, 119)
    series = {
        **counter(QUEUE, "a", busy, idle),
        **counter(QUEUE, "a", (QUARTER_US, 40), idle, model="other"),
        **counter(QUEUE, "b", (0, 160)),
    }
    query = queries["detectron2_requests_waiting"]
    answers(
        series,
        [
            (query, 8, {"a": 3, "b": 0}),
            (query, 14, {"a": 0, "b": 0}),
            (query, 35, {"a": 0, "b": 0}),
        ],
    )


def test_the_counter_itself_never_comes_down(answers):
    """Why it is no metric to scale by: the same ten minutes, looked at afterwards."""
    series = counter(QUEUE, "a", (2 * QUARTER_US, 40), (0, 119))
    end = float(2 * QUARTER_US * 41)
    answers(series, [(RAW, 14, {"a": end}), (RAW, 35, {"a": end})])


def test_work_is_what_is_neither_waiting_nor_answered(queries, answers):
    series = {
        **counter(QUEUE, "a", (QUARTER_US, 160)),
        **counter(INFERENCE, "a", (QUARTER_US + QUARTER_US // 2, 160)),
    }
    answers(series, [(queries["detectron2_requests_at_work"], 20, {"a": 0.5})])


def test_a_server_that_is_started_again_is_no_load(queries, answers):
    """Its counter begins at 0: the rate sees that, a difference would not."""
    series = {
        f'{QUEUE}{{namespace="pets",pod="a",model_name="m",model_version="1.0"}}': (
            "9000000000+0x40 0+0x100"
        )
    }
    answers(series, [(queries["detectron2_requests_waiting"], 11, {"a": 0})])


@pytest.mark.parametrize("overlay", SCALED)
def test_the_autoscaler_goes_by_rates_that_the_adapter_gives(overlay, render, queries):
    metrics = the(render(overlay), "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert {one["type"] for one in metrics} == {"Pods"}
    names = [one["pods"]["metric"]["name"] for one in metrics]
    assert set(names) == set(queries)
    for name in names:
        counters = re.findall(r"\bts_\w+(?=\{)", queries[name])
        assert counters
        assert len(re.findall(r"rate\(ts_\w+\{[^}]*\}\[\d+m\]\)", queries[name])) == len(counters)


def test_the_counters_are_those_that_the_server_has(rules, deploy):
    declared = yaml.safe_load((deploy / "torchserve" / "metrics.yaml").read_text())["ts_metrics"]
    known = {one["name"] for one in declared["counter"]}
    for rule in rules:
        used = set(re.findall(r"\bts_\w+", rule["seriesQuery"] + rule["metricsQuery"]))
        assert used
        assert used <= known
        assert set(rule["resources"]["overrides"]) == {"namespace", "pod"}


def wanted(pods: int, metrics: dict[str, float], autoscaler: dict[str, Any]) -> int:
    """The autoscaler's rule as Kubernetes' documents have it, with the manifest's numbers.

    No controller runs here: what is tested is whether targets and limits are right for it. The most
    that a metric asks for counts, and 10 % either way is let be.
    """
    number = {"1": 1.0, "700m": 0.7}
    counts = []
    for metric in autoscaler["metrics"]:
        target = number[metric["pods"]["target"]["averageValue"]]
        ratio = metrics[metric["pods"]["metric"]["name"]] / target
        counts.append(pods if abs(ratio - 1) <= 0.1 else math.ceil(pods * ratio))
    return min(max(*counts, autoscaler["minReplicas"]), autoscaler["maxReplicas"])


@pytest.mark.parametrize(
    ("pods", "waiting", "working", "expected"),
    [
        pytest.param(2, 3.0, 1.0, 6, id="a long queue"),
        pytest.param(9, 30.0, 1.0, 10, id="a queue without end: the maximum"),
        pytest.param(3, 0.0, 0.0, 2, id="nothing to do: the minimum"),
        pytest.param(4, 0.1, 0.7, 4, id="busy and in time: as many as there are"),
        pytest.param(4, 0.1, 0.3, 2, id="half busy: fewer, and still not too few"),
    ],
)
def test_the_queue_asks_for_pods_and_the_work_keeps_them(pods, waiting, working, expected, render):
    autoscaler = the(render("overlays/cpu"), "HorizontalPodAutoscaler")["spec"]
    seen = {"detectron2_requests_waiting": waiting, "detectron2_requests_at_work": working}
    assert wanted(pods, seen, autoscaler) == expected


@pytest.mark.parametrize("overlay", SCALED)
def test_pods_come_faster_than_they_go(overlay, render):
    behavior = the(render(overlay), "HorizontalPodAutoscaler")["spec"]["behavior"]
    up, down = behavior["scaleUp"], behavior["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 10 * up["stabilizationWindowSeconds"]
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 180}]
