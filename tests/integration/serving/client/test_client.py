"""Both ways to a server of an invented model: its image is ten times the sound's mean."""

import numpy as np
import pytest
import soundfile

import cargan_tf.serving
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import PARTS
from cargan_tf.inference.generator import GenerationResult
from cargan_tf.serving import Client
from cargan_tf.serving.address import parse_address
from cargan_tf.serving.client import client as client_module
from cargan_tf.serving.client.client import refused


@pytest.fixture(params=["rest", "grpc"])
def client(request, server):
    address = server.rest if request.param == "rest" else f"grpc://{server.grpc}"
    with Client(address, timeout=20) as made:
        yield made


def constant(value, seconds=0.5, rate=8_000):
    samples = np.full(round(seconds * rate), value / 20, np.float32)
    samples[len(samples) // 2 :] *= -1  # else it would be an offset, which is taken out
    return samples


def drawn_value(image):
    assert (image.shape, image.dtype) == ((2, 2, 3), np.uint8)
    assert np.ptp(image) == 0
    return int(image[0, 0, 0])


def test_it_knows_what_the_model_was_trained_on(client):
    assert (client.labels, client.sample_rate, client.clip_seconds) == (
        ("cello", "flute"),
        8_000,
        0.5,
    )


def test_a_sound_is_drawn(client, server):
    image = client.generate(constant(16), 8_000, "flute")
    assert drawn_value(image) == 8
    assert server.model.runs == [("serving_default", 1)]


def test_labels_and_rates_are_those_of_the_generator(client):
    image = client.generate(constant(16, rate=44_100), 44_100, "Violoncello")
    assert drawn_value(image) == 8


def test_an_unknown_label_is_not_sent(client, server):
    with pytest.raises(UserError, match=r"unknown label 'kazoo'\. .*Known labels: cello, flute"):
        client.generate(constant(1), 8_000, "kazoo")
    assert server.model.runs == []


def test_files_are_drawn_in_order(client, tmp_path):
    paths = [tmp_path / f"{value}.wav" for value in range(5)]
    for value, path in enumerate(paths):
        soundfile.write(path, constant(2 * value), 8_000, subtype="FLOAT")
    (tmp_path / "2.wav").write_text("no sound")
    results = list(client.generate_files(paths, ["cello"] * 5))
    assert [path for path, _ in results] == paths
    assert [drawn_value(r.image) for _, r in results if isinstance(r, GenerationResult)] == [
        0,
        1,
        3,
        4,
    ]
    assert isinstance(results[2][1], UserError)


def test_a_large_batch_is_sent_in_requests_of_bearable_size(client, server, monkeypatch, tmp_path):
    monkeypatch.setattr(client_module, "REQUEST_SAMPLES", 9_000)  # two clips of 4,000
    paths = [tmp_path / f"{value}.wav" for value in range(5)]
    for value, path in enumerate(paths):
        soundfile.write(path, constant(2 * value), 8_000, subtype="FLOAT")
    results = list(client.generate_files(paths, ["cello"] * 5))
    assert [drawn_value(generated.image) for _, generated in results] == [0, 1, 2, 3, 4]
    assert [rows for _, rows in server.model.runs] == [2, 2, 1]


def inputs(values=(1.6,), label="cello"):
    return {
        "waveform": np.array(values, np.float32)[:, None],
        "label": np.array([label] * len(values)),
    }


def test_a_signature_may_be_called_as_it_is(client):
    outputs = client.predict("serving_default", inputs((1.6, 2)), ["png_bytes", "image"])
    assert set(outputs) == {"image", "png_bytes"}
    assert outputs["image"][:, 0, 0, 0].tolist() == [16, 20]
    assert outputs["image"].dtype == np.uint8
    assert [png[:4] for png in outputs["png_bytes"]] == [b"\x89PNG", b"\x89PNG"]


@pytest.mark.parametrize(
    ("signature", "sent", "said"),
    [
        ("serving_default", inputs(label="kazoo"), "refused: unknown label. Known labels: cello"),
        ("nope", {}, "refused: no signature nope"),
        ("broken", {"label": np.array(["a"])}, "refused: the server failed"),
    ],
)
def test_what_the_server_refuses_is_told(client, signature, sent, said):
    with pytest.raises(UserError, match=r"the server at 127\.0\.0\.1:") as caught:
        client.predict(signature, sent, ["image"])
    assert said in str(caught.value)


@pytest.mark.parametrize("scheme", ["", "grpc://"])
def test_another_name_is_answered_with_how_to_give_it(server, scheme):
    endpoint = server.grpc if scheme else server.rest
    with Client(f"{scheme}{endpoint}/brass") as client, pytest.raises(UserError) as caught:
        _ = client.labels
    assert "no model 'brass' at 127.0.0.1:" in str(caught.value)
    assert f"{endpoint}/NAME" in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_where_nobody_listens_it_says_how_to_start_a_server(scheme):
    with Client(f"{scheme}://127.0.0.1:9", retries=1) as client, pytest.raises(UserError) as caught:
        _ = client.labels
    assert "no server answers at" in str(caught.value)
    assert "'cargan serve' starts one" in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_the_other_interfaces_port_is_no_server(server, scheme):
    endpoint = server.grpc if scheme == "http" else server.rest
    with (
        Client(f"{scheme}://{endpoint}", retries=0) as client,
        pytest.raises(UserError, match=r"no server answers|is no TensorFlow Serving"),
    ):
        _ = client.labels


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_it_does_not_wait_for_ever(server, scheme):
    server.model.seconds = 1.0
    endpoint = server.rest if scheme == "http" else server.grpc
    with (
        Client(f"{scheme}://{endpoint}", timeout=0.3, retries=0) as client,
        pytest.raises(UserError, match=r"did not answer within 0\.3 s"),
    ):
        client.predict("serving_default", inputs(), ["image"])


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_busy_server_is_asked_again(start, scheme):
    server = start(requests=1)
    server.model.seconds = 0.4
    endpoint = server.rest if scheme == "http" else server.grpc
    address = f"{scheme}://{endpoint}"
    with Client(address) as first, Client(address) as second, Client(address, retries=0) as third:
        results = _at_once(
            lambda: first.predict("serving_default", inputs(), ["image"]),
            lambda: second.predict("serving_default", inputs(), ["image"]),
            lambda: third.predict("serving_default", inputs(), ["image"]),
        )
    errors = [result for result in results if isinstance(result, UserError)]
    assert len(errors) <= 1  # the one that does not ask again, unless it came first
    assert all("is too busy: try again later" in str(error) for error in errors)
    page = server.service.metrics.page().decode()
    assert 'status="RESOURCE_EXHAUSTED"} ' in page


def _at_once(*calls):
    from concurrent.futures import ThreadPoolExecutor

    def result(call):
        try:
            return call()
        except UserError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(result, calls))


def test_the_package_offers_it_and_nothing_else():
    assert cargan_tf.serving.Client is Client
    with pytest.raises(AttributeError, match="no attribute 'Server'"):
        cargan_tf.serving.Server  # noqa: B018


def _refusing(message):
    def predict(signature, inputs, outputs):
        raise refused(parse_address("localhost:9/other"), message)

    return predict


@pytest.mark.parametrize(
    "message",
    [
        "no signature metadata; this model has card, serving_default",
        'Serving signature name: "metadata" not found in signature def',
    ],
)
def test_a_model_of_version_0_1_is_to_be_exported_again(monkeypatch, message):
    with Client("localhost:9/other") as client:
        monkeypatch.setattr(client._transport, "predict", _refusing(message))
        with pytest.raises(UserError, match=r"not exported by this version .* export the run"):
            client.generator  # noqa: B018


def test_another_refusal_is_passed_on(monkeypatch):
    with Client("localhost:9/other") as client:
        monkeypatch.setattr(client._transport, "predict", _refusing("who are you?"))
        with pytest.raises(UserError, match="refused: who are you"):
            client.generator  # noqa: B018


@pytest.mark.parametrize("answers", [[b"null"] * len(PARTS), [b"no JSON"] * len(PARTS), [b"{}"]])
def test_a_model_that_does_not_describe_itself_is_named(monkeypatch, answers):
    with Client("localhost:9/other") as client:
        told = {"json": np.array(answers, object)}
        monkeypatch.setattr(client._transport, "predict", lambda *_: told)
        said = "the model 'other' at localhost:9 was not exported by this version"
        with pytest.raises(UserError, match=said):
            client.generator  # noqa: B018
