import base64
import gzip
import json
import zlib

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.serving.server.refusals import Refusal, invalid
from cargan_tf.serving.server.rest import decompressed, read_request, write_answer
from cargan_tf.serving.server.served_model import TensorSpec

SIGNATURES = {
    "serving_default": {
        "waveform": TensorSpec(tf.float32, (None, None)),
        "label": TensorSpec(tf.string, (None,)),
    },
    "metadata": {"part": TensorSpec(tf.string, (None,))},
}


def inputs_of(signature):
    if signature not in SIGNATURES:
        raise invalid(f"no signature {signature}")
    return SIGNATURES[signature]


def read(values):
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    return read_request(body, inputs_of)


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


def test_rows():
    rows = [{"waveform": [0.5, 1], "label": "a"}, {"label": b64(b"\xff"), "waveform": [0, -1e-3]}]
    request = read({"instances": rows})
    assert (request.signature, request.by_rows) == ("serving_default", True)
    np.testing.assert_array_equal(
        request.inputs["waveform"], np.array([[0.5, 1], [0, -1e-3]], np.float32)
    )
    assert request.inputs["waveform"].dtype == np.float32
    assert request.inputs["label"].tolist() == [b"a", b"\xff"]


def test_columns():
    request = read({"inputs": {"waveform": [[0.5], [1]], "label": ["a", "ä"]}})
    assert not request.by_rows
    assert request.inputs["waveform"].tolist() == [[0.5], [1]]
    assert request.inputs["label"].tolist() == [b"a", "ä".encode()]


@pytest.mark.parametrize(
    "values",
    [
        {"instances": ["a", "b"]},
        {"instances": [b64(b"a"), {"part": "b"}]},
        {"inputs": ["a", "b"]},
        {"inputs": {"part": ["a", "b"]}},
    ],
)
def test_a_single_input_may_go_without_its_name(values):
    request = read({"signature_name": "metadata", **values})
    assert request.inputs["part"].tolist() == [b"a", b"b"]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none_are_left_to_the_graph(text):
    body = f'{{"inputs": {{"waveform": [[{text}]], "label": ["a"]}}}}'.encode()
    assert not np.isfinite(read(body).inputs["waveform"]).any()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (b"", "not valid JSON: the body is empty"),
        (b"\xff\xfe", "not valid JSON"),
        (gzip.compress(b"{}", mtime=0), "the body is gzip; say so with Content-Encoding: gzip"),
        (b"RIFF" + bytes(40), "the body is a WAV file; send it as base64"),
        (b"--form\r\n", "the body is a form"),
        (b"{'inputs': 1}", "not valid JSON: Expecting property name"),
        (b'{"a": "\xe4"}', "its text is not UTF-8"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"inputs": {"waveform": [[' + b"1" * 5_000 + b"]]}}", "not valid JSON"),
        ([1], "must be a JSON object with 'instances' or 'inputs'; received a list of 1"),
        ({}, "one of 'instances' (rows) and 'inputs' (columns)"),
        ({"instances": [], "inputs": {}}, "one of 'instances' (rows) and 'inputs' (columns)"),
        ({"instances": []}, "at least one sound"),
        ({"instances": {}}, "at least one sound"),
        ({"instances": [1]}, "instance 0 must be an object with label and waveform"),
        ({"instances": [{"label": "a"}]}, "and nothing else; received label"),
        ({"instance": []}, "(columns) was expected; received 'instance'"),
        ({"inputs": {"label": ["a"]}}, "label and waveform, neither more nor less; received label"),
        ({"inputs": [1]}, "takes label and waveform"),
        ({"signature_name": 3, "inputs": {}}, "'signature_name' must be a string"),
        ({"signature_name": "x", "inputs": {}}, "no signature x"),
        (
            {"inputs": {"waveform": [[1, 2], [3]], "label": ["a"]}},
            "rows of one length were expected; received rows of 1 and 2 numbers",
        ),
        ({"inputs": {"waveform": [["1"]], "label": ["a"]}}, "expected; received the text '1'"),
        (
            {"inputs": {"waveform": [[True]], "label": ["a"]}},
            "numbers were expected; received true",
        ),
        (
            {"inputs": {"waveform": [[0, None]], "label": ["a"]}},
            "numbers were expected; received null",
        ),
        (
            {"inputs": {"waveform": {"a": 1}, "label": ["a"]}},
            "expected; received an object with 'a'",
        ),
        (
            {"inputs": {"waveform": [[10**30]], "label": ["a"]}},
            "numbers were expected; received a whole number",
        ),
        (
            {"inputs": {"waveform": [[1]], "label": [1]}},
            "label: text, or bytes as {'b64': …} were expected; received a whole",
        ),
        (
            {"inputs": {"waveform": [[1]], "label": [{"b64": "ab%c"}]}},
            "received no base64: '%' at character 2",
        ),
        ({"inputs": {"waveform": [[1]], "label": [{"b64": "abcde"}]}}, "cut off: 5 characters"),
        ({"inputs": {"waveform": [[1]], "label": [{"b64": 1}]}}, "label: text, or bytes"),
        ({"inputs": {"waveform": [[1]], "label": [["a"], ["a", "b"]]}}, "label: text, or bytes"),
    ],
)
def test_another_form_is_refused(values, said):
    with pytest.raises(Refusal) as caught:
        read(values)
    assert said in str(caught.value)
    assert caught.value.http_status == 400


@pytest.mark.parametrize(
    "content", [b"\xfb\xef\xff", b"RIFF\xff", b"\xff\xfe\xfd\xfc\xfb", bytes(100)]
)
def test_base64_may_be_url_safe_unpadded_in_lines_or_a_data_url(content):
    standard = base64.b64encode(content).decode()
    safe = base64.urlsafe_b64encode(content).decode()
    lines = base64.encodebytes(content).decode()
    written = [standard, safe, standard.rstrip("="), safe.rstrip("="), lines]
    written.append(f"data:audio/wav;base64,{standard}")
    labels = [{"b64": text} for text in written]
    sent = read({"inputs": {"waveform": [[1]] * len(labels), "label": labels}}).inputs["label"]
    assert sent.tolist() == [content] * len(labels)


BODY = json.dumps({"instances": list(range(500))}).encode()
BARE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("encodings", "body"),
    [
        ("", BODY),
        ("identity", BODY),
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("GZip", gzip.compress(BODY, mtime=0)),
        ("x-gzip", gzip.compress(BODY[:99], mtime=0) + gzip.compress(BODY[99:], mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", BARE.compress(BODY) + BARE.flush()),
        ("deflate, gzip", gzip.compress(zlib.compress(BODY), mtime=0)),
    ],
)
def test_a_compressed_body_is_read(encodings, body):
    assert decompressed(body, encodings, len(BODY)) == BODY


@pytest.mark.parametrize(
    ("encodings", "body", "status", "said"),
    [
        ("gzip", BODY, 400, "Content-Encoding gzip was announced; the body is none, or damaged"),
        ("gzip", gzip.compress(BODY, mtime=0)[:-20], 400, "the body is none, or damaged"),
        ("br", BODY, 415, "Content-Encoding br was received; expected gzip, deflate or none"),
        ("gzip", gzip.compress(bytes(10**8), mtime=0), 413, "larger than 3000 bytes"),
        ("gzip", gzip.compress(BODY, mtime=0) * 2, 413, "larger than 3000 bytes"),
        ("gzip", gzip.compress(b"", mtime=0) * 1_000, 400, "16 compressed members at most"),
        ("deflate, gzip, gzip", BODY, 400, "3 encodings in Content-Encoding were received"),
    ],
)
def test_another_encoding_or_too_much_is_refused(encodings, body, status, said):
    with pytest.raises(Refusal) as caught:
        decompressed(body, encodings, 3_000)
    assert said in str(caught.value)
    assert caught.value.http_status == status


OUTPUTS = {
    "image": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "png_bytes": np.array([b"\x89P", b"\xff"], object),
    "name": np.array([b"a", "ä".encode()], object),
}


def test_an_answer_by_columns():
    assert json.loads(write_answer(OUTPUTS, by_rows=False)) == {
        "outputs": {
            "image": [[0, 1, 2], [3, 4, 5]],
            "png_bytes": [b64(b"\x89P"), b64(b"\xff")],
            "name": ["a", "ä"],
        }
    }


def test_an_answer_by_rows():
    assert json.loads(write_answer(OUTPUTS, by_rows=True)) == {
        "predictions": [
            {"image": [0, 1, 2], "png_bytes": b64(b"\x89P"), "name": "a"},
            {"image": [3, 4, 5], "png_bytes": b64(b"\xff"), "name": "ä"},
        ]
    }


@pytest.mark.parametrize(("by_rows", "key"), [(True, "predictions"), (False, "outputs")])
def test_a_single_output_goes_without_its_name(by_rows, key):
    only = {"name": OUTPUTS["name"]}
    assert json.loads(write_answer(only, by_rows)) == {key: ["a", "ä"]}


def test_float32_survives_the_way_through_json():
    values = np.random.default_rng(0).normal(size=(1, 1_000)).astype(np.float32)
    sent = read({"inputs": {"waveform": values.tolist(), "label": ["a"]}}).inputs["waveform"]
    np.testing.assert_array_equal(sent, values)
