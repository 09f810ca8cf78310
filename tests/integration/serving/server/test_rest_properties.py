"""REST under bodies, headers and paths that hypothesis makes.

The interface is TensorFlow Serving's, which describes it in prose. There is no OpenAPI description
to derive requests from, so their form stands here.
"""

import json

import numpy as np
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cargan_tf.errors import is_line

SETTINGS = settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    # The server is the same for all examples of a test.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NUMBERS = st.integers() | st.floats(allow_nan=True) | st.booleans()
TEXTS = st.text(max_size=20) | st.sampled_from(["cello", "flute", "b64", "serving_default"])
LEAVES = st.none() | NUMBERS | TEXTS
KEYS = st.sampled_from(
    ["instances", "inputs", "signature_name", "waveform", "label", "label_weights", "b64", "part"]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS | TEXTS, inner, max_size=4),
    max_leaves=12,
)
SOUNDS = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=8)


def is_answered(reply):
    """An answer or a refusal in JSON, and never a fault of the server."""
    assert reply.status_code in (200, 400, 404, 405, 413, 415, 422), reply.text
    if reply.status_code != 200:
        (error,) = json.loads(reply.content).values()
        assert is_line(error, 2_000)
        for secret in ("Traceback", "/site-packages", "cargan_tf/"):
            assert secret not in error
    return reply


@pytest.fixture
def post(server):
    session = requests.Session()

    def call(body, path=":predict", **headers):
        return is_answered(
            session.post(f"{server.url}{path}", data=body, headers=headers, timeout=60)
        )

    return call


@SETTINGS
@given(body=VALUES)
def test_any_json_is_answered_or_refused(post, body):
    post(json.dumps(body).encode("utf-8", "surrogatepass"))


@SETTINGS
@given(
    body=st.fixed_dictionaries(
        {}, optional={"instances": VALUES, "inputs": VALUES, "signature_name": LEAVES}
    )
)
def test_anything_of_a_requests_form_is_answered_or_refused(post, body):
    post(json.dumps(body).encode("utf-8", "surrogatepass"))


@SETTINGS
@given(
    rows=st.lists(
        st.fixed_dictionaries({"waveform": SOUNDS | VALUES, "label": TEXTS | VALUES}),
        min_size=1,
        max_size=4,
    )
)
def test_rows_that_are_nearly_right_are_answered_or_refused(post, rows):
    post(json.dumps({"instances": rows}).encode("utf-8", "surrogatepass"))


@SETTINGS
@given(sounds=st.lists(SOUNDS, min_size=1, max_size=4), label=st.sampled_from(["cello", "flute"]))
def test_whatever_is_right_is_answered_with_its_own_image(post, sounds, label):
    rows = [{"waveform": sound, "label": label} for sound in sounds]
    length = len(sounds[0])
    reply = post(json.dumps({"instances": rows}).encode())
    if any(len(sound) != length for sound in sounds):
        assert reply.status_code == 400
        return
    images = [np.array(row["image"]) for row in reply.json()["predictions"]]
    for sound, image in zip(sounds, images, strict=True):
        level = np.round(10 * np.mean(np.abs(np.float32(sound)), dtype=np.float32))
        assert (image == level).all()


@SETTINGS
@given(
    body=st.binary(max_size=300), encoding=st.sampled_from(["", "gzip", "deflate", "br", "a, b"])
)
def test_any_bytes_are_refused(post, body, encoding):
    headers = {"Content-Encoding": encoding} if encoding else {}
    assert post(body, **headers).status_code in (400, 413, 415)


@SETTINGS
@given(
    path=st.text(st.characters(codec="utf-8", exclude_characters="?#"), max_size=30),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
)
def test_any_path_and_method_is_answered_or_refused(server, path, method):
    address = f"{server.url}/{requests.utils.quote(path, safe='/:.%')}"
    reply = requests.request(method, address, data=b"{}", timeout=60)
    if method != "HEAD":
        is_answered(reply)
