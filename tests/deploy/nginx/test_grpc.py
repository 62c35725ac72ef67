"""Which gRPC calls nginx lets through to TorchServe."""

import json
import time

import grpc
import pytest

from client.predictions import Predictions
from examples.coins.photograph import photograph_path

INFERENCE = "/org.pytorch.serve.grpc.inference.InferenceAPIsService"
MANAGEMENT = "/org.pytorch.serve.grpc.management.ManagementAPIsService"
PHOTOGRAPH = photograph_path().read_bytes()
LIMIT = 8388608


@pytest.fixture
def predict(stubs, channel, key):
    """Sends one image; TorchServe's answer."""
    messages, services = stubs

    def send(image: bytes = PHOTOGRAPH, metadata=key, rpc: str = "Predictions"):
        request = messages.PredictionsRequest(model_name="coins", input={"data": image})
        return getattr(services.InferenceAPIsServiceStub(channel), rpc)(
            request, metadata=metadata, timeout=60
        )

    return send


def test_a_prediction_passes(predict):
    assert len(Predictions.from_native(json.loads(predict().prediction))) == 24


def test_ping_passes(grpc_ping):
    assert "Healthy" in grpc_ping()


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param((), id="no key"),
        pytest.param((("authorization", "Bearer wrong"),), id="a wrong one"),
    ],
)
def test_without_the_key_nothing_is_answered(metadata, predict):
    with pytest.raises(grpc.RpcError) as caught:
        predict(metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(f"{INFERENCE}/StreamPredictions", id="stream"),
        pytest.param(f"{INFERENCE}/StreamPredictions2", id="stream both ways"),
        pytest.param(f"{INFERENCE}/predictions", id="small letters"),
        pytest.param(f"{INFERENCE}//Predictions", id="two slashes"),
        pytest.param(f"{INFERENCE}/../{MANAGEMENT[1:]}/ListModels", id="dots"),
        pytest.param(f"{MANAGEMENT}/ListModels", id="list models"),
        pytest.param(f"{MANAGEMENT}/RegisterModel", id="register"),
        pytest.param(f"{MANAGEMENT}/UnregisterModel", id="unregister"),
        pytest.param(f"{MANAGEMENT}/DescribeModel", id="describe"),
        pytest.param("/inference.GRPCInferenceService/ModelInfer", id="KServe v2"),
        pytest.param("/grpc.reflection.v1alpha.ServerReflection/X", id="reflection"),
        pytest.param("/", id="nothing"),
    ],
)
def test_every_other_method_is_refused_by_nginx(method, channel, key):
    call = channel.unary_unary(method)
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", metadata=key, timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == "This method is not served here."


def test_a_stream_does_not_reach_the_worker_that_it_would_kill(predict, behind):
    before = behind.management.worker_states("coins")
    with pytest.raises(grpc.RpcError):
        list(predict(rpc="StreamPredictions"))
    assert behind.management.worker_states("coins") == before == ["READY"]
    assert "NullPointerException" not in behind.log_since_start("ts_log.log")


def test_a_request_that_is_too_large_is_refused(predict):
    with pytest.raises(grpc.RpcError) as caught:
        predict(bytes(LIMIT))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.details().endswith("too large.")
    assert predict().prediction


def test_a_client_that_asks_too_often_is_told_so(channel, key):
    ping = channel.unary_unary(f"{INFERENCE}/Ping")
    codes: set[grpc.StatusCode] = set()
    for _ in range(20):
        calls = [ping.future(b"", metadata=key, timeout=60) for _ in range(150)]
        codes |= {call.code() for call in calls}
        if len(codes) > 1:
            break
    assert codes == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
    time.sleep(2)  # until the burst is over: the next tests ask from the same address
