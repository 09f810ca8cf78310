import time

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode
from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from cargan_tf.serving.server.grpc_service import (
    metadata_response,
    predict_response,
    status_response,
    tensors_of,
)
from cargan_tf.serving.server.refusals import Refusal

LIMIT = 1_000_000


def request(**inputs):
    made = PredictRequest()
    for name, value in inputs.items():
        made.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return made


def test_tensors_arrive():
    waveform = np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32)
    tensors = tensors_of(request(waveform=waveform, label=[b"a", b"\xff"]), LIMIT)
    np.testing.assert_array_equal(tensors["waveform"], waveform)
    assert tensors["label"].tolist() == [b"a", b"\xff"]


def _claims(shape, **values):
    made = PredictRequest()
    proto = made.inputs["waveform"]
    proto.dtype = tf.float32.as_datatype_enum
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    for name, value in values.items():
        setattr(proto, name, value)
    return made


def _huge_from_one_value():
    made = _claims([10**6, 10**6])
    made.inputs["waveform"].float_val.append(0.0)  # one value stands for all
    return made


def _of_no_type():
    made = _claims([1])
    made.inputs["waveform"].dtype = 0
    return made


def _of_unknown_rank():
    made = _claims([])
    made.inputs["waveform"].tensor_shape.unknown_rank = True
    return made


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (_huge_from_one_value(), "too large; the limit is 1000000 bytes"),
        (_claims([2, 2], tensor_content=b"\0" * 15), "no whole tensor"),
        (_claims([-1, 2], tensor_content=b"\0" * 8), "no whole tensor"),
        (_of_no_type(), "no whole tensor"),
        (_of_unknown_rank(), "no whole tensor"),
        (_claims([1 << 62] * 100_000), "100,000 dimensions were announced; expected 64 at most"),
        (_claims([1 << 62] * 60), "too large"),
    ],
    ids=["bomb", "short", "negative", "no type", "no rank", "dimensions", "sizes"],
)
def test_what_is_no_whole_tensor_is_refused(made, said):
    began = time.process_time()
    with pytest.raises(Refusal, match=said) as caught:
        tensors_of(made, LIMIT)
    assert caught.value.code == StatusCode.INVALID_ARGUMENT
    assert len(str(caught.value)) < 300
    assert time.process_time() - began < 0.5


def test_the_inputs_of_a_request_are_bounded_together():
    halves = request(a=np.ones(100_000, np.float32), b=np.ones(100_000, np.float32))
    assert len(tensors_of(halves, LIMIT)) == 2
    with pytest.raises(Refusal, match="too large; the limit is 700000 bytes"):
        tensors_of(halves, 700_000)


OUTPUTS = {"image": np.ones((1, 2), np.uint8), "png_bytes": np.array([b"\x89"], object)}


def test_the_answer_holds_what_was_asked_for(invented):
    for wanted, names in (([], {"image", "png_bytes"}), (["image"], {"image"})):
        response = predict_response(invented, "serving_default", OUTPUTS, wanted)
        assert set(response.outputs) == names
        np.testing.assert_array_equal(tf.make_ndarray(response.outputs["image"]), [[1, 1]])
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("cargan", 3, "serving_default")


def test_an_output_asked_for_a_million_times_is_written_once(invented):
    began = time.process_time()
    response = predict_response(invented, "serving_default", OUTPUTS, ["image"] * 1_000_000)
    assert set(response.outputs) == {"image"}
    assert time.process_time() - began < 0.5


def test_an_output_that_is_not_there_is_refused(invented):
    with pytest.raises(Refusal, match="no output x of serving_default; there are image, png_bytes"):
        predict_response(invented, "serving_default", OUTPUTS, ["x"])


def test_the_metadata_are_the_signatures(invented):
    signatures = SignatureDefMap()
    assert metadata_response(invented).metadata["signature_def"].Unpack(signatures)
    assert dict(signatures.signature_def) == invented.signature_defs


def test_the_version_is_available(invented):
    (version,) = status_response(invented).model_version_status
    assert version.version == 3
    assert version.State.Name(version.state) == "AVAILABLE"
