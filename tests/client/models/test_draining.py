"""What a version has at hand when it goes, with workers of which one alone is busy."""

import contextlib
import threading
import time

import pytest
import requests
import yaml

from client.models.draining import NotDrained, drain
from client.models.rollout import rollback, rollout
from client.models.site import Site
from tests.client.models.conftest import MODEL, Workbench
from torture.variants import ENTRY, appended

SECONDS = 3

SLOW_WHEN_ASKED = appended(
    f"""import time
_answer = Detectron2Handler.handle
def _slow(self, data, context):
    if "X-Slow" in context.get_all_request_header(0):
        time.sleep({SECONDS})
    return _answer(self, data, context)
Detectron2Handler.handle = _slow
"""
)
SAYS_WHO_ANSWERS = appended(
    """import os
_plain = describe
def describe(*args, **kwargs):
    return {**_plain(*args, **kwargs), "worker": {"pid": os.getpid()}}
"""
)
SAYS_NOT = appended(
    """_plain = describe
def describe(*args, **kwargs):
    return {k: v for k, v in _plain(*args, **kwargs).items() if k != "worker"}
"""
)


def workers(count: int, response_timeout_s: int):
    def edit(content: bytes) -> bytes:
        settings = {"minWorkers": count, "maxWorkers": count, "responseTimeout": response_timeout_s}
        return yaml.safe_dump({**yaml.safe_load(content), **settings}).encode()

    return edit


class SlowRequest(threading.Thread):
    """One request that takes some seconds in its worker."""

    def __init__(self, bench: Workbench, path: str, timeout_s: float = 120) -> None:
        super().__init__()
        self._timeout_s = timeout_s
        self._url = f"{bench.site.inference.url}/predictions/{path}"
        self._headers = {
            "Authorization": f"Bearer {bench.site.inference.token}",
            "Content-Type": "image/png",
            "X-Slow": "1",
        }
        self._image = bench.gates.images[0].content
        self.answer: requests.Response | None = None

    def run(self) -> None:
        with contextlib.suppress(requests.RequestException):
            self.answer = requests.post(
                self._url, data=self._image, headers=self._headers, timeout=self._timeout_s
            )


@pytest.mark.parametrize(
    ("count", "description", "response_timeout_s", "at_least_s", "at_most_s"),
    [
        pytest.param(1, SAYS_NOT, 60, SECONDS - 1, 40, id="one worker"),
        pytest.param(2, SAYS_WHO_ANSWERS, 60, SECONDS - 1, 40, id="two, and they say who answers"),
        pytest.param(2, SAYS_NOT, 8, 7, 50, id="two, and they do not"),
    ],
)
def test_a_busy_worker_is_waited_for(
    count, description, response_timeout_s, at_least_s, at_most_s, bench
):
    old = bench.default()
    edits = {
        ENTRY: SLOW_WHEN_ASKED,
        "handler/description.py": description,
        "model-config.yaml": workers(count, response_timeout_s),
    }
    slow = rollout(bench.site, bench.variant(edits), bench.gates)
    request = SlowRequest(bench, MODEL)

    def ask_before_the_switch(sentence: str) -> None:
        if "making it the default" in sentence:
            request.start()
            time.sleep(0.3)

    site = Site(
        bench.site.management, bench.site.inference, bench.site.store, step=ask_before_the_switch
    )
    back = rollback(site, MODEL, bench.gates)
    request.join()
    assert request.answer.status_code == 200
    assert request.answer.json()["model"]["version"] == slow.new
    assert at_least_s < back.total_s - back.switch_s < at_most_s
    assert bench.versions() == [old]
    bench.site.management.scale(MODEL, None, workers=1, timeout_s=60)  # it had as many as those


def test_a_version_that_stays_busy_is_left_alone(bench):
    """Clients that name a version keep it busy: the switch is done, the removal is not."""
    old = bench.default()
    slow = rollout(bench.site, bench.variant({ENTRY: SLOW_WHEN_ASKED}), bench.gates)
    pinned = [SlowRequest(bench, f"{MODEL}/{slow.new}") for _ in range(2)]

    def ask_before_the_switch(sentence: str) -> None:
        if "making it the default" in sentence:
            for request in pinned:
                request.start()
            time.sleep(0.3)

    site = Site(
        bench.site.management, bench.site.inference, bench.site.store, step=ask_before_the_switch
    )
    back = rollback(site, MODEL, bench.with_gates(drain_timeout_s=2))
    assert not back.drained
    assert "still has work after 2 s" in back.warnings[0]
    assert bench.answer() == old
    for request in pinned:
        request.join()
        assert request.answer.status_code == 200
    drain(bench.site.management, MODEL, slow.new, timeout_s=60)
    bench.site.management.unregister(MODEL, slow.new)
    assert bench.versions() == [old]


def test_an_idle_version_is_drained_at_once(bench):
    start = time.monotonic()
    drain(bench.site.management, MODEL, bench.default(), timeout_s=30)
    assert time.monotonic() - start < 15


def test_says_how_long_it_has_waited(bench):
    slow = rollout(bench.site, bench.variant({ENTRY: SLOW_WHEN_ASKED}), bench.gates)
    requests = [SlowRequest(bench, MODEL) for _ in range(3)]
    for one in requests:
        one.start()
    time.sleep(0.3)
    with pytest.raises(NotDrained, match=rf"coins {slow.new} still has work after 1 s"):
        drain(bench.site.management, MODEL, slow.new, timeout_s=1)
    rollback(bench.site, MODEL, bench.gates)
    for one in requests:
        one.join()
        assert one.answer.ok
