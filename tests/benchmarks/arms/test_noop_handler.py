import time

import pytest

from benchmarks.arms.noop_handler import NoopHandler
from benchmarks.replies import OK, Reply


class Context:
    """Of TorchServe's context what the handler uses."""

    def __init__(self, headers: list[dict[str, str]]) -> None:
        self.system_properties = {"gpu_id": None}
        self.given = headers
        self.set: dict[int, dict[str, str]] = {}

    def get_request_header(self, index: int, key: str) -> str | None:
        return self.given[index].get(key)

    def set_response_header(self, index: int, key: str, value: str) -> None:
        self.set.setdefault(index, {})[key.lower()] = value


def answered(*headers: dict[str, str]) -> tuple[list[bytes], Context]:
    context, handler = Context([*headers]), NoopHandler()
    handler.initialize(context)
    return handler.handle([{"body": b"jpeg"}] * len(headers), context), context


def test_it_answers_as_long_as_it_is_told():
    bodies, context = answered({"X-Body-Bytes": "3"}, {"X-Body-Bytes": "0"})
    assert [len(body) for body in bodies] == [3, 0]
    assert context.set == {}


@pytest.mark.parametrize(
    ("model_ms", "host_ms"),
    [
        (0.5, 0.2),
        (30, 5),
        (0, 5),  # no forward pass
        (5, 0),  # nothing after it
    ],
)
def test_it_works_as_long_as_it_is_told_and_says_so(model_ms, host_ms):
    wanted = {"X-Model-Ms": str(model_ms), "X-Host-Ms": str(host_ms)}
    start = time.perf_counter()
    bodies, context = answered({"X-Body-Bytes": "3", **wanted})
    passed_ms = (time.perf_counter() - start) * 1000
    stages_ms = Reply(OK, bodies[0], context.set[0]).stages_ms
    assert list(stages_ms) == ["model", "host"]
    assert stages_ms["model"] >= model_ms - 0.01
    assert stages_ms["host"] >= host_ms - 0.01
    assert sum(stages_ms.values()) <= passed_ms + 0.02


def test_the_last_work_before_the_answer_is_not_torchs(monkeypatch):
    done = []
    monkeypatch.setattr(NoopHandler, "multiply", lambda _, ms: done.append(("model", ms)) or ms)
    monkeypatch.setattr(NoopHandler, "add_up", lambda _, ms: done.append(("host", ms)) or ms)
    answered({"X-Body-Bytes": "3", "X-Model-Ms": "40", "X-Host-Ms": "4"})
    assert done == [("model", 40), ("host", 4)]
