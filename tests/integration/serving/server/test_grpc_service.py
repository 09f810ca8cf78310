"""The stubs of tensorflow-serving-api against a server of an invented model."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub


@pytest.fixture
def connect():
    channels = []

    def to(server):
        channels.append(grpc.insecure_channel(server.grpc))
        return channels[-1]

    yield to
    for channel in channels:
        channel.close()


@pytest.fixture
def stub(server, connect):
    return PredictionServiceStub(connect(server))


def asked(message, name="cargan", version=None, signature=""):
    message.model_spec.name = name
    message.model_spec.signature_name = signature
    if version is not None:
        message.model_spec.version.value = version
    return message


def request(means, label="cello", **spec):
    made = asked(PredictRequest(), **spec)
    waveform = np.array(means, np.float32)[:, None]
    made.inputs["waveform"].CopyFrom(tf.make_tensor_proto(waveform))
    made.inputs["label"].CopyFrom(tf.make_tensor_proto([label] * len(means)))
    return made


def values(response):
    return tf.make_ndarray(response.outputs["image"])[:, 0, 0, 0].tolist()


def test_predict(stub):
    response = stub.Predict(request([3, 7]), timeout=30)
    assert values(response) == [30, 70]
    assert tf.make_ndarray(response.outputs["image"]).dtype == np.uint8
    assert set(response.outputs) == {"image", "png_bytes"}
    assert response.model_spec.version.value == 3


def test_labels_in_the_users_words(stub):
    assert values(stub.Predict(request([3, 7], label="Flöte"), timeout=30)) == [30, 70]


def test_the_version_and_the_outputs_may_be_chosen(stub):
    made = request([3], version=3, signature="serving_default")
    made.output_filter.append("png_bytes")
    assert set(stub.Predict(made, timeout=30).outputs) == {"png_bytes"}


def test_status_and_metadata(stub, server, connect):
    status = ModelServiceStub(connect(server)).GetModelStatus(asked(GetModelStatusRequest()))
    assert status.model_version_status[0].version == 3
    reply = stub.GetModelMetadata(
        asked(GetModelMetadataRequest(metadata_field=["signature_def"])), timeout=30
    )
    signatures = SignatureDefMap()
    reply.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) == {"serving_default", "soft_labels", "metadata", "broken"}


def _of_two_labels():
    made = request([1])
    made.inputs["label"].CopyFrom(tf.make_tensor_proto(["cello", "flute"]))
    return made


def _of_a_bomb():
    made = request([1])
    made.inputs["waveform"].tensor_shape.dim[0].size = 10**12
    return made


def _with_unknown_output():
    made = request([1])
    made.output_filter.append("x")
    return made


def _broken():
    made = asked(PredictRequest(), signature="broken")
    made.inputs["label"].CopyFrom(tf.make_tensor_proto(["a"]))
    return made


def _labelled():
    made = request([1])
    made.model_spec.version_label = "stable"
    return made


@pytest.mark.parametrize(
    ("made", "code", "said"),
    [
        (request([1], label="kazoo"), "INVALID_ARGUMENT", "unknown label. Known labels: cello"),
        (request([1], name="other"), "NOT_FOUND", "no model other here; there is cargan"),
        (request([1], version=2), "NOT_FOUND", "no model cargan, version 2 here"),
        (request([1], signature="x"), "INVALID_ARGUMENT", "no signature x"),
        (PredictRequest(), "NOT_FOUND", "there is cargan, version 3"),
        (asked(PredictRequest()), "INVALID_ARGUMENT", "received nothing"),
        (_of_two_labels(), "INVALID_ARGUMENT", "received 2 of label, 1 of waveform"),
        (_of_a_bomb(), "INVALID_ARGUMENT", "too large"),
        (_with_unknown_output(), "INVALID_ARGUMENT", "no output x"),
        (_broken(), "INTERNAL", "the server failed"),
        (_labelled(), "INVALID_ARGUMENT", "versions have numbers here"),
    ],
)
def test_a_refusal_says_why_and_nothing_of_the_machine(stub, made, code, said):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(made, timeout=30)
    assert caught.value.code().name == code
    assert said in caught.value.details()
    for word in ("somebody", "Traceback", ".py", "node"):
        assert word not in caught.value.details()
    assert values(stub.Predict(request([1]), timeout=30)) == [10]


def test_other_metadata_are_refused(stub):
    with pytest.raises(grpc.RpcError, match="metadata_field must be signature_def"):
        stub.GetModelMetadata(asked(GetModelMetadataRequest(metadata_field=["x"])), timeout=30)


def test_other_calls_are_unimplemented(stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Classify(ClassificationRequest(), timeout=30)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_request_that_is_too_large_is_refused(start, connect):
    stub = PredictionServiceStub(connect(start(request_bytes=1_000)))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(request([1] * 300), timeout=30)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_too_many_at_once_are_turned_away(start, connect):
    server = start(requests=2)
    server.model.seconds = 0.5
    stub = PredictionServiceStub(connect(server))
    calls = [stub.Predict.future(request([value]), timeout=30) for value in range(8)]
    codes = [call.code().name for call in calls]
    assert set(codes) == {"OK", "RESOURCE_EXHAUSTED"}


def test_calls_whose_message_does_not_come_are_bounded(start, connect):
    ended = threading.Event()

    def nothing():
        ended.wait(60)
        yield from ()

    silent = connect(start(requests=1)).stream_unary(
        "/tensorflow.serving.PredictionService/Predict"
    )
    calls = [silent.future(nothing()) for _ in range(7)]

    def refused():
        codes = [call.code() for call in calls if call.done()]
        return codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED)

    until = time.monotonic() + 30
    while refused() < 3 and time.monotonic() < until:
        time.sleep(0.02)
    assert refused() == 3  # of seven; four may be open
    ended.set()
    for call in calls:
        call.cancel()


def test_concurrent_requests_are_drawn_together_and_not_mixed_up(server, stub):
    server.model.seconds = 0.1
    with ThreadPoolExecutor(12) as pool:
        answers = pool.map(lambda value: stub.Predict(request([value]), timeout=30), range(12))
        assert [values(answer) for answer in answers] == [[10 * value] for value in range(12)]
    assert len(server.model.runs) < 12
