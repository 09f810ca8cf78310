"""`cargan serve` as it is started by hand, with the tiny model, and everyone who may ask it."""

import base64
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from helpers.serving_server import b64, curl
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator
from cargan_tf.serving import Client

pytestmark = pytest.mark.slow


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


RATE, CLIP = 8_000, 4_000


GIGABYTE = 10**9


@pytest.fixture(scope="module")
def wav(tiny_source):
    return tiny_source / "cello_1_test_0.wav"


@pytest.fixture(scope="module")
def waveform(wav):
    samples, rate = tf.audio.decode_wav(wav.read_bytes())
    assert (int(rate), samples.shape) == (RATE, (CLIP, 1))
    return samples.numpy()[:, 0]


@pytest.fixture(scope="module")
def by_tensorflow(tiny_model):
    """Generates as the server does."""
    return Generator.load(tiny_model, "tensorflow")


@pytest.fixture(scope="module")
def expected(by_tensorflow, waveform):
    """What the Python API draws."""
    return by_tensorflow.generate(waveform, RATE, "cello")


def post(live, body):
    return curl("--data-binary", "@-", f"{live.url}:predict", input=json.dumps(body).encode())


@pytest.mark.parametrize("scheme", ["", "http://", "grpc://"])
def test_the_projects_client_gets_pythons_image(live, waveform, expected, scheme):
    with Client(scheme + (live.grpc if "grpc" in scheme else live.rest)) as client:
        image = client.generate(waveform, RATE, "violoncello")
    np.testing.assert_array_equal(image, expected)


@needs_curl
def test_curl_gets_pythons_image(live, waveform, wav, expected):
    for signature, sound in (
        ("serving_default", {"waveform": waveform.tolist()}),
        ("serving_wav", {"wav_bytes": b64(wav.read_bytes())}),
    ):
        instance = {**sound, "label": "cello"}
        by_rows = {"signature_name": signature, "instances": [instance]}
        inputs = {name: [value] for name, value in instance.items()}
        by_columns = {"signature_name": signature, "inputs": inputs}
        status, answer = post(live, by_rows)
        (prediction,) = answer["predictions"]
        assert status == 200
        np.testing.assert_array_equal(prediction["image"], expected)
        png = tf.io.decode_png(base64.b64decode(prediction["png_bytes"]["b64"]))
        np.testing.assert_array_equal(png, expected)
        assert sum(prediction["label_scores"]) == pytest.approx(1, abs=1e-5)
        status, answer = post(live, by_columns)
        np.testing.assert_array_equal(answer["outputs"]["image"][0], expected)


def test_tensorflow_servings_stubs_get_pythons_image(live, waveform, expected):
    request = PredictRequest()
    request.model_spec.name = "cargan"
    request.inputs["waveform"].CopyFrom(tf.make_tensor_proto(waveform[None]))
    request.inputs["label"].CopyFrom(tf.make_tensor_proto(["cello"]))
    with grpc.insecure_channel(live.grpc) as channel:
        response = PredictionServiceStub(channel).Predict(request, timeout=60)
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["image"])[0], expected)
    assert response.model_spec.version.value == 1


def test_2000_requests_of_64_clients_none_lost_none_mixed_up(live, by_tensorflow):
    times = np.arange(CLIP) / RATE
    tones = [0.4 * np.sin(2 * np.pi * 150 * 1.25**step * times) for step in range(12)]
    cases = [(tone.astype(np.float32), label) for tone in tones for label in by_tensorflow.labels]
    images = np.stack([by_tensorflow.generate(sound, RATE, label) for sound, label in cases])
    images = images.astype(int)
    apart = np.abs(images[:, None] - images[None]).max((2, 3, 4))
    assert apart[~np.eye(len(cases), dtype=bool)].min() > 5, "the test must tell them apart"

    def ask(client_number):
        # JSON costs the test and the server more than the images do: one client in eight.
        address = live.rest if client_number % 8 == 0 else f"grpc://{live.grpc}"
        answered = 0
        with Client(address, timeout=120) as client:
            for number in range(client_number, 2_000, 64):
                sound, label = cases[number % len(cases)]
                image = client.generate(sound, RATE, label).astype(int)
                # Kernels are chosen by the size of the batch, and may round differently.
                assert np.abs(image - images[number % len(cases)]).max() <= 1
                answered += 1
        return answered

    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(ask, range(64))) == 2_000


def a_zip_file():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("clip.wav", b"RIFF")
    return stream.getvalue()


REFUSED = {
    "NaNs": (
        {"inputs": {"waveform": [[0.0, float("nan")]], "label": ["cello"]}},
        "received a waveform with NaN or infinite samples",
    ),
    "an unknown label": (
        {"inputs": {"waveform": [[0.0]], "label": ["kazoo"]}},
        "unknown label: kazoo. Known labels: cello, flute, violin.",
    ),
    "a zip file": (
        {
            "signature_name": "serving_wav",
            "inputs": {"wav_bytes": [b64(a_zip_file())], "label": ["cello"]},
        },
        "no WAV file was received; expected one of 16-bit PCM",
    ),
}


@needs_curl
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_drawn_is_refused(live, waveform, expected, what):
    body, said = REFUSED[what]
    status, answer = post(live, body)
    assert status == 400
    assert said in answer["error"]
    assert_up(live, waveform, expected)


@needs_curl
@pytest.mark.parametrize("transfer", ["announced", "chunked"])
def test_a_request_of_a_gigabyte_is_refused(live, waveform, expected, tmp_path, transfer):
    before = live.peak_bytes
    body = tmp_path / "body"
    body.touch()
    os.truncate(body, GIGABYTE)  # sparse: it takes no room on the disk
    how = ("--header", "Transfer-Encoding: chunked") if transfer == "chunked" else ()
    words = ("--request", "POST", "--upload-file", body, f"{live.url}:predict")
    status, answer = curl(*how, *words)
    assert status == 413
    assert answer == {"error": "the request is larger than 16777216 bytes"}
    assert live.peak_bytes - before < 100_000_000
    assert_up(live, waveform, expected)


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_drawn_is_refused_by_grpc(live, waveform, expected, what):
    body, said = REFUSED[what]
    wanted = {"waveform": np.float32, "label": object, "wav_bytes": object}
    inputs = {
        name: np.array([_plain(value) for value in values], wanted[name])
        for name, values in body["inputs"].items()
    }
    with Client(f"grpc://{live.grpc}") as client, pytest.raises(UserError) as refused:
        client.predict(body.get("signature_name", "serving_default"), inputs, ["image"])
    assert "refused: " in str(refused.value)
    assert said in str(refused.value)
    assert_up(live, waveform, expected)


def _plain(value):
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def test_a_message_of_a_gigabyte_is_refused_by_grpc(live, waveform, expected):
    before = live.peak_bytes
    with grpc.insecure_channel(live.grpc, [("grpc.max_send_message_length", -1)]) as channel:
        # As bytes: a message of this size would be in memory several times before it is sent.
        predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        with pytest.raises(grpc.RpcError) as refused:
            predict(bytes(GIGABYTE), timeout=120)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert live.peak_bytes - before < 100_000_000
    assert_up(live, waveform, expected)


def assert_up(live, waveform, expected):
    with Client(f"grpc://{live.grpc}") as client:
        np.testing.assert_array_equal(client.generate(waveform, RATE, "cello"), expected)


PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "serving.md"


def blocks_of_the_page(live, language):
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return [
        block.replace("localhost:8501", live.rest).replace("localhost:8500", live.grpc)
        for block in found
    ]


@needs_curl
def test_the_commands_of_the_page_do_what_it_says(live, wav, tmp_path):
    shutil.copyfile(wav, tmp_path / "clip.wav")
    cargan = f"{sys.executable} -m cargan_cli.main"
    lines = "".join(blocks_of_the_page(live, "console")).splitlines()
    said = {}
    for line in lines:
        command = re.sub(r"^cargan", cargan, line).replace("curl ", "curl --silent --fail ")
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, ""), line
        said[line] = done.stdout
    assert len(said) == 7
    answers = [json.loads(out) for line, out in said.items() if line.startswith("curl")]
    assert "AVAILABLE" in str(answers[0])
    assert "serving_wav" in str(answers[1])
    assert json.loads(answers[2]["predictions"][0]) == ["cello", "flute", "violin"]
    assert answers[3]["predictions"][0].keys() == {"image", "png_bytes", "label_scores"}
    by_rest, by_grpc = ((tmp_path / name).read_bytes() for name in ("clip.png", "grpc.png"))
    assert by_rest == by_grpc


def test_the_python_of_the_page_draws(live, waveform, monkeypatch):
    by_onnx_runtime, by_client = blocks_of_the_page(live, "python")
    names = {"waveform": waveform, "rate": RATE}
    exec(by_client, names)
    assert names["image"].shape == (64, 64, 3)
    monkeypatch.chdir(Path(__file__).parents[4])  # where the shipped model is
    exec(by_onnx_runtime, names)
    assert names["image"].shape == (1, 128, 128, 3)


def test_it_says_what_it_is_and_where(live):
    first, *_, labels = live.welcome
    assert "Serving tiny, version 1, as 'cargan', for local testing; Ctrl-C stops." in first
    assert labels.strip() == "3 labels: cello, flute, violin"


def test_at_sigterm_it_answers_what_it_draws_and_leaves(live, waveform, expected):
    """The last test here, as it stops the server."""
    inputs = {"waveform": np.tile(waveform, (64, 1)), "label": np.array(["cello"] * 64)}
    with Client(f"grpc://{live.grpc}") as client, ThreadPoolExecutor(1) as pool:
        _ = client.labels  # the connection stands
        drawing = pool.submit(client.predict, "serving_default", inputs, ["image"])
        time.sleep(0.05)
        status, said = live.stop(signal.SIGTERM)
        images = drawing.result()["image"].astype(int)
    assert images.shape == (64, 64, 64, 3)
    assert np.abs(images - expected).max() <= 1
    assert (status, said) == (0, "")
