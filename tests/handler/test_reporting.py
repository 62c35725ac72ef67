"""What is sent to TorchServe, held against TorchServe's own reader and writer of metrics."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

from handler import errors
from handler.answers import Answer, error_answer
from handler.detectron2_handler import Detectron2Handler
from handler.errors import HandlerError, InvalidOption
from handler.record import Record
from handler.reporting import Reporter, declared_metrics
from tests.handler.test_detectron2_handler import GOOD, make_context

# TorchServe leaves the file that it reads open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

USUAL = {"model_name": "tiny", "model_version": "1.0"}
LINE = re.compile(r"\[METRICS\](\w+)\.(\w+):([^|]+)\|#([^|]*)\|#type:(\w+)\|#hostname:[^,]+,\d+")


class Sent(NamedTuple):
    name: str
    value: float
    labels: dict[str, str]


class Output:
    """What was logged, line by line as TorchServe reads it."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def lines(self) -> list[str]:
        return [line for one in self._caplog.messages for line in one.split("\n")]

    @property
    def metrics(self) -> list[Sent]:
        found = []
        for line in self.lines:
            if line.startswith("[METRICS]"):
                name, _, value, labels, _ = LINE.fullmatch(line).groups()
                pairs = dict(pair.split(":") for pair in labels.split(","))
                found.append(Sent(name, float(value), pairs))
        return found

    @property
    def requests(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def values(self, name: str) -> list[float]:
        return [one.value for one in self.metrics if one.name == name]

    def by_label(self, name: str, label: str) -> dict[str, float]:
        return {one.labels[label]: one.value for one in self.metrics if one.name == name}


@pytest.fixture
def output(caplog: pytest.LogCaptureFixture) -> Iterator[Output]:
    with caplog.at_level(logging.INFO):
        yield Output(caplog)


@pytest.fixture
def cache(pytestconfig) -> MetricsCacheYamlImpl:
    cache = MetricsCacheYamlImpl(
        str(pytestconfig.rootpath / "deploy" / "torchserve" / "metrics.yaml")
    )
    cache.initialize_cache()
    return cache


@pytest.fixture
def reporter(cache):
    def make(**changes) -> Reporter:
        usual = {"model_name": "tiny", "version": "1.0", "batch_size": 4, "device": "cpu"}
        return Reporter(declared_metrics(cache.cache), **{**usual, **changes})

    return make


@pytest.fixture
def gpu(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (600, 1000))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 100)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 200)


def full_answer() -> Answer:
    """With something of everything in its record."""
    record = Record(
        megapixels=[0.5, 2.0], class_names=["red", "red", "blue"], errors=["OutOfMemory"]
    )
    record.timings.add("decode", 10)
    record.timings.add("model", 40)
    return Answer(b"123", record=record)


@pytest.mark.usefixtures("gpu")
def test_everything_declared_is_sent_and_everything_sent_is_declared(reporter, cache, output):
    one = reporter(device="cuda:0")
    one.report_start(["red"])
    one.report([full_answer()], ["id"], seconds=0.1)
    declared = declared_metrics(cache.cache)
    assert {sent.name for sent in output.metrics} == set(declared)
    for sent in output.metrics:
        assert list(sent.labels) == declared[sent.name].dimension_names, sent.name
        assert sent.labels.items() >= USUAL.items()


@pytest.mark.usefixtures("gpu")
def test_the_lines_are_those_that_torchserve_writes_itself(reporter, cache, output, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.5)
    reporter(device="cuda:0").report([full_answer()], ["id"], seconds=0.1)
    ours = [line for line in output.lines if line.startswith("[METRICS]")]
    metrics = declared_metrics(cache.cache)
    already = len(output.lines)
    for sent, line in zip(output.metrics, ours, strict=True):
        value = LINE.fullmatch(line)[3]
        number = int(value) if value.isdecimal() else float(value)
        metrics[sent.name].add_or_update(number, list(sent.labels.values()))
    assert output.lines[already:] == ours


def test_the_numbers_are_those_of_the_record(reporter, output):
    reporter().report([full_answer()], ["id"], seconds=0.25)
    assert output.by_label("detectron2_requests_total", "status") == {"200": 1}
    assert output.values("detectron2_request_seconds") == [0.25]
    assert output.by_label("detectron2_stage_seconds", "stage") == {"decode": 0.01, "model": 0.04}
    assert output.values("detectron2_image_megapixels") == [0.5, 2.0]
    assert output.by_label("detectron2_detections_total", "class_name") == {"red": 2, "blue": 1}
    assert output.by_label("detectron2_errors_total", "type") == {"OutOfMemory": 1}
    assert output.values("detectron2_batch_fill_ratio") == [0.25]


def test_a_line_of_json_for_each_request(reporter, output):
    answers = [full_answer(), error_answer(InvalidOption("score_threshold is 'secret'"))]
    reporter().report(answers, ["one", "two"], seconds=0.123456)
    first, second = output.requests
    assert first == {
        "request_id": "one",
        "model": "tiny",
        "version": "1.0",
        "status": 200,
        "images": 2,
        "detections": 3,
        "bytes": 3,
        "seconds": 0.1235,
        "errors": ["OutOfMemory"],
    }
    assert (second["request_id"], second["status"], second["errors"]) == (
        "two",
        400,
        ["InvalidOption"],
    )
    assert not any("secret" in line for line in output.lines)


def test_a_request_without_errors_says_nothing_of_them(reporter, output):
    reporter().report([Answer(b"{}")], ["id"], seconds=0.1)
    assert "errors" not in output.requests[0]


def test_a_description_is_no_prediction(reporter, output):
    reporter().report([Answer(b"{}")], ["id"], seconds=0.1)
    assert [one.name for one in output.metrics] == ["detectron2_batch_fill_ratio"]


def test_what_may_be_counted_begins_at_zero(reporter, output):
    reporter().report_start(["red", "green"])
    assert output.values("detectron2_worker_starts_total") == [1]
    assert output.by_label("detectron2_detections_total", "class_name") == {"red": 0, "green": 0}
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, HandlerError) and kind is not HandlerError
    }
    assert set(output.by_label("detectron2_errors_total", "type")) == set(kinds)
    statuses = {"200", *(str(kind.status) for kind in kinds.values())}
    assert set(output.by_label("detectron2_requests_total", "status")) == statuses


@pytest.mark.parametrize(
    ("name", "label"),
    [
        pytest.param("a:b,c|d#e", "a b c d e", id="TorchServe's separators"),
        pytest.param("a\r\nb\tc\0d", "a  b c d", id="control characters"),
        pytest.param("a\u2028b\u2029c\x85d", "a b c d", id="ends of a line to Java alone"),
        pytest.param("\ud800x", "x", id="half a surrogate"),
        pytest.param("", "unnamed", id="empty"),
        pytest.param(" , ", "unnamed", id="nothing is left"),
        pytest.param('say "a\\b" {c="d"}', 'say "a\\b" {c="d"}', id="Prometheus' own"),
        pytest.param("Straße 猫 🐈", "Straße 猫 🐈", id="not ASCII"),
        pytest.param("x" * 100, "x" * 100, id="just not too long"),
        pytest.param("x" * 10_000, "x" * 97 + "...", id="too long"),
        pytest.param("[METRICS]a.b:1", "[METRICS]a.b 1", id="a metric"),
    ],
)
def test_labels_fit_into_torchserves_line(name, label, reporter, output):
    reporter().report(
        [Answer(b"", record=Record(class_names=[name], errors=["E"]))], ["id"], seconds=0.1
    )
    assert output.by_label("detectron2_detections_total", "class_name") == {label: 1}
    assert all(len(line.splitlines()) == 1 for line in output.lines)


def test_names_of_model_and_version_are_labels_too(reporter, output):
    reporter(model_name="a,b", version="1:0").report([full_answer()], ["id"], seconds=0.1)
    assert {one.labels["model_name"] for one in output.metrics} == {"a b"}
    assert {one.labels["model_version"] for one in output.metrics} == {"1 0"}
    assert output.requests[0]["model"] == "a,b"


def test_a_request_id_cannot_begin_a_line(reporter, output):
    reporter().report([Answer(b"")], ["id\n[METRICS]a.b:1"], seconds=0.1)
    assert output.requests[0]["request_id"] == "id\n[METRICS]a.b:1"


@pytest.mark.usefixtures("gpu")
def test_memory_of_the_gpu(reporter, output):
    reporter(device="cuda:0").report([full_answer()], ["id"], seconds=0.1)
    sent = {"allocated": 100, "reserved": 200, "used": 400, "total": 1000}
    assert output.by_label("detectron2_gpu_memory_bytes", "kind") == sent
    assert set(output.by_label("detectron2_gpu_memory_bytes", "device")) == {"0"}


@pytest.mark.usefixtures("gpu")
def test_memory_is_asked_for_once_a_second(reporter, output, monkeypatch):
    one = reporter(device="cuda:0")
    seconds = iter([100.0, 100.0, 100.5, 101.0, 101.0])
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))
    for _ in range(3):
        one.report([full_answer()], ["id"], seconds=0.1)
    assert len(output.values("detectron2_gpu_memory_bytes")) == 2 * 4


def test_there_is_no_memory_of_a_cpu(reporter, output):
    reporter().report([full_answer()], ["id"], seconds=0.1)
    assert output.values("detectron2_gpu_memory_bytes") == []


def test_nothing_is_sent_that_the_server_would_drop(output):
    bare = Reporter({}, model_name="tiny", version="1.0", batch_size=1, device="cpu")
    bare.report_start(["red"])
    bare.report([full_answer()], ["id"], seconds=0.1)
    assert output.metrics == []
    assert [one["request_id"] for one in output.requests] == ["id"]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda _: (_ for _ in ()).throw(RuntimeError("CUDA error")), id="GPU"),
        pytest.param(lambda _: None, id="an answer of another kind"),
    ],
)
def test_a_fault_of_reporting_is_logged_and_goes_no_further(fault, reporter, output, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", fault)
    one = reporter(device="cuda:0")
    one.report([full_answer()], ["id"], seconds=0.1)
    assert output.metrics == []
    assert any("could not be reported" in line for line in output.lines)
    monkeypatch.setattr(one, "_device", "cpu")
    one.report([full_answer()], ["next"], seconds=0.1)
    assert [sent["request_id"] for sent in output.requests] == ["next"]


def test_a_metric_that_the_server_declares_otherwise_is_left_out(tmp_path, opened, output):
    file = tmp_path / "metrics.yaml"
    file.write_text(
        """
        model_metrics:
          counter:
            - {name: detectron2_requests_total, unit: Count, dimensions: [ModelName]}
            - {name: detectron2_of_tomorrow, unit: Count, dimensions: []}
            - name: detectron2_errors_total
              unit: Count
              dimensions: [type, model_name, model_version]
        """
    )
    (body,) = answer_with(file, opened)
    assert json.loads(body)["model"]["name"] == "tiny"
    assert {one.name for one in output.metrics} == {"detectron2_errors_total"}
    assert len(output.requests) == 1
    (warning,) = [line for line in output.lines if "is not sent" in line]
    assert warning == (
        "detectron2_requests_total is not sent: metrics_config declares it with ['ModelName'], "
        "and the dimensions are ['status', 'model_name', 'model_version']"
    )


def test_the_handler_reports_what_it_answers(pytestconfig, opened, output):
    answer_with(pytestconfig.rootpath / "deploy" / "torchserve" / "metrics.yaml", opened)
    assert output.values("detectron2_worker_starts_total") == [1]
    assert output.values("detectron2_image_megapixels") == [64 * 64 / 1e6]
    assert output.requests[0]["request_id"] == "the-id"


def answer_with(metrics_config: Path, opened: Path) -> list[bytes]:
    """One image through the whole handler, under a server with that file."""
    cache = MetricsCacheYamlImpl(str(metrics_config))
    cache.initialize_cache()
    context = make_context(opened, requests=1)
    context.metrics = cache
    context.request_ids = {0: "the-id"}
    one = Detectron2Handler()
    one.initialize(context)
    return one.handle([GOOD], context)
