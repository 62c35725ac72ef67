"""As much as nginx lets through at a time fits into TorchServe's memory, and more is refused."""

import json
from concurrent.futures import ThreadPoolExecutor

import grpc

from tests.deploy.nginx.conftest import Answer
from tests.holding import wait_until

HTTP = {999_999: 32, 7_999_999: 16, 67_108_864: 2}
"""How many requests TorchServe is given at a time, by the length up to which that is so."""

GRPC = 8
GRPC_LENGTH = 8_388_608


def test_as_much_as_is_let_through_is_answered_and_more_gets_503_at_once(
    ask, grpc_call, grpc_ping, still_worker
):
    def predict(number: int, length: int) -> Answer:
        # From several addresses: each alone would be held to 20 at a time.
        source = f"127.0.0.{10 + number % 3}"
        return ask("POST", "/predictions/coins", body=bytes(length), source=source)

    lengths = [length for length, count in HTTP.items() for _ in range(count)]
    with ThreadPoolExecutor(len(lengths)) as pool, still_worker as worker:
        held = [pool.submit(predict, number, length) for number, length in enumerate(lengths)]
        # What goes around an image counts as well.
        called = [grpc_call(bytes(GRPC_LENGTH - 1000)) for _ in range(GRPC)]
        wait_until(lambda: worker.requests() == len(lengths) + GRPC)
        for length in (1, 1_000_000, 8_000_000):  # one more of each kind
            refused = predict(0, length)
            assert (refused.status, refused.error) == (503, "Unavailable")
        assert grpc_call(b"one more").code() is grpc.StatusCode.UNAVAILABLE
        # A balancer leaves a server in that is merely busy.
        assert ask("GET", "/ping", source="127.0.0.20").status == 200
        assert "Healthy" in grpc_ping()
        wrong = ask("GET", "/ping", source="127.0.0.20", key="wrong")
        assert (wrong.status, wrong.error) == (401, "InvalidKeyException")
        assert not any(one.done() for one in (*held, *called))
    assert {one.result().error for one in held} == {"UndecodableImage"}  # the worker has seen it
    answers = [json.loads(one.result().prediction) for one in called]
    assert {answer["type"] for answer in answers} == {"UndecodableImage"}
