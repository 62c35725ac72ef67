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


@pytest.mark.parametrize("work_ms", [0.5, 30])
def test_it_works_as_long_as_it_is_told_and_says_so(work_ms):
    start = time.perf_counter()
    bodies, context = answered({"X-Body-Bytes": "3", "X-Work-Ms": str(work_ms)})
    passed_ms = (time.perf_counter() - start) * 1000
    worked_ms = Reply(OK, bodies[0], context.set[0]).stages_ms["work"]
    assert work_ms - 0.01 <= worked_ms <= passed_ms + 0.01
