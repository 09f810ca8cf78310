"""Over a real connection, to a server of an invented model."""

import base64
import gzip
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests
from google.protobuf import json_format
from PIL import Image
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataResponse
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusResponse


def predict(server, body, path=":predict"):
    data = body if isinstance(body, bytes) else json.dumps(body)
    return requests.post(server.url + path, data=data, timeout=30)


def sound(mean, label="cello"):
    return {"waveform": [mean, mean], "label": label}


def test_rows(server):
    reply = predict(server, {"instances": [sound(3), sound(7, "flute")]})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    predictions = reply.json()["predictions"]
    assert [item["image"][1][1] for item in predictions] == [[30] * 3, [70] * 3]
    png = base64.b64decode(predictions[1]["png_bytes"]["b64"])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), predictions[1]["image"])


@pytest.mark.parametrize("path", [":predict", "/versions/3:predict"])
def test_columns(server, path):
    inputs = {"waveform": [[3], [4]], "label": ["cello", {"b64": "Zmx1dGU="}]}
    reply = predict(server, {"inputs": inputs}, path)
    assert [image[0][0][0] for image in reply.json()["outputs"]["image"]] == [30, 40]


def test_another_signature(server):
    reply = predict(server, {"signature_name": "metadata", "instances": ["labels", "step"]})
    assert reply.json() == {"predictions": ['["cello", "flute"]', "6"]}


@pytest.mark.parametrize("path", ["", "/versions/3"])
def test_status(server, path):
    reply = requests.get(server.url + path, timeout=30)
    status = json_format.Parse(reply.text, GetModelStatusResponse())
    assert [version.version for version in status.model_version_status] == [3]
    assert '"state": "AVAILABLE"' in reply.text
    assert '"error_code": "OK"' in reply.text


@pytest.mark.parametrize("path", ["/metadata", "/versions/3/metadata"])
def test_metadata(server, path):
    reply = requests.get(server.url + path, timeout=30)
    json_format.Parse(reply.text, GetModelMetadataResponse())
    signatures = reply.json()["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["inputs"]["waveform"]["dtype"] == "DT_FLOAT"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"instances": [sound(1, "kazoo")]}, 400, "unknown label. Known labels: cello, flute."),
        (b"PK\x03\x04", 400, "not valid JSON"),
        ({"signature_name": "x", "instances": [1]}, 400, "no signature x"),
        ({"inputs": {"waveform": [[1]] * 65, "label": ["cello"] * 65}}, 400, "1 to 64 sounds"),
        ({"signature_name": "broken", "instances": ["a"]}, 500, "the server failed"),
    ],
)
def test_a_refusal_says_why_and_nothing_of_the_machine(server, body, status, said):
    reply = predict(server, body)
    assert reply.status_code == status
    assert list(reply.json()) == ["error"]
    assert said in reply.json()["error"]
    assert not {"server", "x-powered-by"} & {name.lower() for name in reply.headers}
    for word in ("somebody", "Traceback", ".py", "node"):
        assert word not in reply.text
    assert predict(server, {"instances": [sound(1)]}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/v1/models/other", 404),
        ("get", "/v1/models/other/metadata", 404),
        ("post", "/v1/models/other:predict", 404),
        ("get", "/v1/models/cargan/versions/2", 404),
        ("get", "/v1/models/cargan/versions/x", 404),
        ("get", f"/v1/models/cargan/versions/{'9' * 5_000}", 404),
        ("get", f"/v1/models/cargan/versions/{'9' * 5_000}/metadata", 404),
        ("post", f"/v1/models/cargan/versions/{'9' * 5_000}:predict", 404),
        ("post", "/v1/models/cargan/versions/2:predict", 404),
        ("get", "/", 404),
        ("get", "/docs", 404),
        ("get", "/v1/models/cargan:predict", 404),
        ("post", "/v1/models/cargan", 405),
    ],
)
def test_what_is_not_there(server, method, path, status):
    reply = requests.request(method, f"http://{server.rest}{path}", timeout=30)
    assert reply.status_code == status
    assert list(reply.json()) == ["error"]


def test_a_request_that_announces_too_much_is_refused_unread(start):
    server = start(request_bytes=1_000)
    reply = predict(server, b"0" * 1_001)
    assert (reply.status_code, reply.json()) == (413, {"error": TOO_LARGE})


def test_a_request_that_becomes_too_large_is_refused(start):
    server = start(request_bytes=1_000)

    def parts():
        for _ in range(4):
            yield b"0" * 400

    reply = requests.post(f"{server.url}:predict", data=parts(), timeout=30)
    assert (reply.status_code, reply.json()) == (413, {"error": TOO_LARGE})


TOO_LARGE = "the request is larger than 1000 bytes"


def test_a_gzip_body_is_read(server):
    body = gzip.compress(json.dumps({"instances": [sound(4)]}).encode())
    headers = {"Content-Encoding": "gzip"}
    reply = requests.post(f"{server.url}:predict", data=body, headers=headers, timeout=30)
    assert reply.json()["predictions"][0]["image"][0][0] == [40] * 3


@pytest.mark.parametrize("label", ["Flöte", "FLAUTO", "Flutes", "Flo\u0308te"])
def test_labels_in_the_users_words(server, label):
    assert predict(server, {"instances": [sound(4, label)]}).status_code == 200


def test_too_many_at_once_are_turned_away(start):
    server = start(requests=2)
    server.model.seconds = 0.5
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: predict(server, {"instances": [sound(1)]}), range(8)))
    statuses = [reply.status_code for reply in replies]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 2
    server.model.seconds = 0.0
    assert predict(server, {"instances": [sound(1)]}).status_code == 200


def test_what_takes_too_long_is_given_up(start):
    server = start(seconds=0.3)
    server.model.seconds = 1.0
    reply = predict(server, {"instances": [sound(1)]})
    assert reply.status_code == 504
    assert "longer than 0.3 s" in reply.json()["error"]


def test_concurrent_requests_are_drawn_together(server):
    server.model.seconds = 0.2
    with ThreadPoolExecutor(12) as pool:
        bodies = [{"instances": [sound(value)]} for value in range(12)]
        replies = list(pool.map(lambda body: predict(server, body), bodies))
    values = [reply.json()["predictions"][0]["image"][0][0][0] for reply in replies]
    assert values == [10 * value for value in range(12)]
    assert len(server.model.runs) < 12


def test_what_is_being_drawn_at_the_end_is_answered(server):
    server.model.seconds = 0.5
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(predict, server, {"instances": [sound(2)]})
        while not server.model.runs:
            time.sleep(0.01)
        server.stop()
        assert running.result().json()["predictions"][0]["image"][0][0] == [20] * 3
    with pytest.raises(requests.ConnectionError):
        predict(server, {"instances": [sound(2)]})


def test_health_and_metrics(server):
    predict(server, {"instances": [sound(1)]})
    assert requests.get(f"http://{server.rest}/health", timeout=30).json() == {"status": "ok"}
    page = requests.get(f"http://{server.rest}/monitoring/prometheus/metrics", timeout=30)
    assert page.headers["content-type"].startswith("text/plain")
    assert 'cargan_requests_total{interface="rest",status="OK"} 1.0' in page.text
