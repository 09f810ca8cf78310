import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from cargan_tf.errors import UserError
from cargan_tf.export.saved_model import WARM_UP_FILE, read_warm_up
from cargan_tf.serving.server.refusals import Refusal
from cargan_tf.serving.server.served_model import ServedModel


def check(model, max_rows=4, **inputs):
    return model.check_inputs("serving_default", inputs, max_rows)


WAVEFORM = np.zeros((2, 5), np.float32)
LABEL = np.array([b"cello", b"flute"], object)


def test_inputs_that_fit_are_counted(invented):
    assert check(invented, waveform=WAVEFORM, label=LABEL) == 2


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"waveform": WAVEFORM}, "takes label and waveform; received waveform"),
        ({}, "received nothing"),
        ({"waveform": WAVEFORM, "label": LABEL, "x": LABEL}, "received label and waveform and x"),
        ({"waveform": WAVEFORM[0], "label": LABEL}, "of shape [any, any]; received [5]"),
        ({"waveform": WAVEFORM, "label": LABEL[:, None]}, "of shape [any]; received [2, 1]"),
        ({"waveform": WAVEFORM.astype(float), "label": LABEL}, "must be float32; received float64"),
        ({"waveform": LABEL[:, None], "label": LABEL}, "must be float32; received string"),
        ({"waveform": WAVEFORM, "label": np.zeros(2)}, "must be string; received float64"),
        ({"waveform": WAVEFORM, "label": LABEL[:1]}, "received 1 of label, 2 of waveform"),
        ({"waveform": WAVEFORM[:0], "label": LABEL[:0]}, "1 to 4 sounds in a request"),
        ({"waveform": np.zeros((5, 1), np.float32), "label": np.array([b"a"] * 5)}, "received 5"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(invented, inputs, said):
    with pytest.raises(Refusal) as caught:
        check(invented, **inputs)
    assert said in str(caught.value)
    assert caught.value.code == StatusCode.INVALID_ARGUMENT


def test_a_fixed_size_is_checked(invented):
    signature = invented.signature_defs["serving_default"]
    signature.inputs["waveform"].tensor_shape.dim[1].size = 7
    model = ServedModel("cargan", 1, None, {"serving_default": signature})
    with pytest.raises(Refusal, match=r"of shape \[any, 7\]; received \[2, 5\]"):
        check(model, waveform=WAVEFORM, label=LABEL)


def test_only_its_own_name_and_version_are_answered(invented):
    invented.check_model("cargan", None)
    invented.check_model("cargan", 3)
    for name, version in (("other", None), ("cargan", 2), ("cargan", 0)):
        with pytest.raises(Refusal, match="there is cargan, version 3") as caught:
            invented.check_model(name, version)
        assert caught.value.code == StatusCode.NOT_FOUND


def test_an_unknown_signature_names_the_known(invented):
    with pytest.raises(
        Refusal, match="no signature x; this model has broken, metadata, serving_def"
    ):
        invented.inputs_of("x")


def test_where_no_exported_model_is_it_is_said_what_was_expected(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match=r"no exported model at .*: name a folder"):
            ServedModel.load(folder, "cargan")


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index"])
def test_a_damaged_model_is_named(tiny_model, tmp_path, file):
    shutil.copytree(tiny_model / "1", tmp_path / "5")
    (tmp_path / "5" / file).write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"the model at .*5 is damaged: export it again"):
        ServedModel.load(tmp_path, "cargan")


def test_a_model_of_version_0_1_is_refused(tiny_model, tmp_path):
    shutil.copytree(tiny_model / "1", tmp_path / "1")
    file = tmp_path / "1" / "model.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps({name: values[name] for name in values if name != "format"}))
    with pytest.raises(UserError, match=r"has format 1, .* export the run again"):
        ServedModel.load(tmp_path, "cargan")


def oversized(request):
    """A gigabyte of zeros, said in a few bytes."""
    request.inputs["waveform"].Clear()
    request.inputs["waveform"].dtype = tf.float32.as_datatype_enum
    for size in (1 << 14, 1 << 14):
        request.inputs["waveform"].tensor_shape.dim.add(size=size)
    request.inputs["waveform"].float_val.append(0.0)


def unknown(request):
    request.model_spec.signature_name = "another"


@pytest.mark.parametrize("damage", [oversized, unknown])
def test_damaged_warm_up_requests_are_named_and_take_no_memory(version, tmp_path, damage):
    stranger = shutil.copytree(version, tmp_path / "1")
    (request, *_) = read_warm_up(version)
    damage(request)
    log = PredictionLog(predict_log=PredictLog(request=request))
    with tf.io.TFRecordWriter(str(stranger / WARM_UP_FILE)) as writer:
        writer.write(log.SerializeToString())
    with pytest.raises(UserError, match=r"warm-up requests of the model at .* are damaged"):
        ServedModel.load(stranger, "cargan")
