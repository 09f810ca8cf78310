"""Clients that mean harm, before a server of an invented model."""

import contextlib
import gzip
import json
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import requests
from tensorflow.core.framework.types_pb2 import DT_FLOAT, DT_STRING
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from cargan_tf.serving.connections import most_connections

SOUND = {"instances": [{"waveform": [3, 3], "label": "cello"}]}


def post(server, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(f"{server.url}:predict", data=data, headers=headers, timeout=60)


def connected(server):
    host, port = server.rest.split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.fixture(autouse=True)
def is_up_afterwards(server):
    yield
    assert post(server, SOUND).status_code == 200


@pytest.mark.parametrize("name", ["Host", "Origin"])
@pytest.mark.parametrize("value", ["evil.example", "http://evil.example", "null"])
def test_a_foreign_page_is_refused(server, name, value):
    for method, path in (("POST", ":predict"), ("GET", ""), ("GET", "/metadata")):
        reply = requests.request(
            method, server.url + path, json=SOUND, headers={name: value}, timeout=30
        )
        assert reply.status_code == 403
        assert "--allow-host" in reply.json()["error"]


def test_a_slow_head_is_not_waited_for(start):
    server = start(head_seconds=0.3)
    with connected(server) as silent, connected(server) as slow:
        slow.sendall(b"POST /v1/models/cargan:predict HTTP/1.1\r\nHost: localhost\r\n")
        assert silent.recv(1) == b""  # closed by the server
        assert slow.recv(1) == b""


def test_a_second_head_is_not_waited_for_either(start):
    server = start(head_seconds=0.3)
    with connected(server) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while b"ok" not in connection.recv(4096):
            pass
        connection.sendall(b"GET /health")
        assert connection.recv(1) == b""


def test_a_head_in_pieces_is_read(start):
    server = start(head_seconds=10)
    with connected(server) as connection:
        for letter in b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n":
            connection.sendall(bytes([letter]))
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_body_that_does_not_come_is_not_waited_for(start):
    server = start(seconds=0.5)
    with connected(server) as connection:
        head = b"POST /v1/models/cargan:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9"
        connection.sendall(head + b"\r\n\r\n{")
        assert connection.recv(4096).startswith(b"HTTP/1.1 504")


def test_chunks_without_end_are_refused(start):
    server = start(request_bytes=1 << 20, head_seconds=1)

    def chunks():
        while True:
            yield bytes(1 << 16)

    before = peak_bytes()
    try:
        status = requests.post(f"{server.url}:predict", data=chunks(), timeout=60).status_code
    except requests.ConnectionError:  # closed while it was still sending
        status = 413
    assert status == 413
    assert peak_bytes() - before < 100 * 2**20


def test_a_thousand_idle_connections_are_held(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        idle = [connected(server) for _ in range(1_000)]
        assert post(server, SOUND).status_code == 200
        for connection in idle:
            connection.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_gzip_bomb_is_refused(server):
    bomb = gzip.compress(b'{"instances": [' + b" " * (64 << 20) + b"]}", compresslevel=1)
    before = peak_bytes()
    reply = post(server, bomb, **{"Content-Encoding": "gzip"})
    assert reply.status_code in (400, 413, 415)
    assert peak_bytes() - before < 30 * 2**20


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 5_000,
        b'{"a":' * 5_000,
        b'{"instances":' + b"[" * 9_000 + b"]" * 9_000 + b"}",
        b"[" * 1_000_000,
        b'{"instances": [' + b"[]," * 5_000_000 + b"[]]}",
        b'{"inputs": {"label": ["a"], "waveform": [' + b"{}," * 5_000_000 + b"{}]}}",
        b'{"instances": ' + b"9" * 100_000 + b"}",
        b'{"instances": [' + b'"ab",' * 3_000_000 + b'"ab"]}',
        b"\xff" * 1_000,
        b"",
    ],
    ids=range(10),
)
def test_json_of_great_depth_or_breadth_is_refused(server, body):
    before = peak_bytes()
    assert post(server, body).status_code == 400
    assert peak_bytes() - before < 150 * 2**20


def tensor(dtype, sizes, **values):
    request = PredictRequest()
    request.model_spec.name = "cargan"
    label = request.inputs["label"]
    label.dtype, label.string_val[:] = DT_STRING, [b"cello"]
    label.tensor_shape.dim.add(size=1)
    waveform = request.inputs["waveform" if dtype == DT_FLOAT else "label"]
    waveform.Clear()
    waveform.dtype = dtype
    for size in sizes:
        waveform.tensor_shape.dim.add(size=size)
    for name, value in values.items():
        if isinstance(value, list):
            getattr(waveform, name).extend(value)
        else:
            setattr(waveform, name, value)
    return request


@pytest.mark.parametrize(
    "request_",
    [
        tensor(DT_FLOAT, [1, 4], tensor_content=bytes(12)),
        tensor(DT_FLOAT, [1, 4], tensor_content=bytes(20)),
        tensor(DT_FLOAT, [1, 1 << 40], float_val=[1.0]),
        tensor(DT_FLOAT, [1 << 31, 1 << 31], float_val=[1.0]),
        tensor(DT_FLOAT, [-1, 4], float_val=[1.0]),
        tensor(DT_FLOAT, [1, 2], float_val=[1.0] * 3),
        tensor(DT_FLOAT, [1] * 300, float_val=[1.0]),
        tensor(DT_STRING, [1 << 23], string_val=[b"cello"]),
        tensor(DT_STRING, [2], string_val=[b"cello"] * 3),
        tensor(99, [1], float_val=[1.0]),
        tensor(DT_STRING, [0]),
    ],
    ids=range(11),
)
def test_tensors_whose_shape_and_content_disagree_are_refused(server, request_):
    before = peak_bytes()
    with grpc.insecure_channel(server.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
        PredictionServiceStub(channel).Predict(request_, timeout=60)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert peak_bytes() - before < 100 * 2**20


def _of_many_inputs():
    request = tensor(DT_FLOAT, [1, 4], float_val=[1.0])
    for number in range(16):
        extra = request.inputs[f"i{number}"]
        extra.dtype, extra.float_val[:] = DT_FLOAT, [1.0]
        extra.tensor_shape.dim.add(size=4 << 20)
    return request


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (_of_many_inputs(), "serving_default takes label and waveform; received i0 and"),
        (tensor(DT_FLOAT, [1 << 62] * 100_000, float_val=[1.0]), "100,000 dimensions"),
    ],
    ids=["inputs", "dimensions"],
)
def test_a_small_message_that_claims_much_takes_neither_memory_nor_time(server, request_, said):
    memory, seconds = peak_bytes(), time.process_time()
    with grpc.insecure_channel(server.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
        PredictionServiceStub(channel).Predict(request_, timeout=60)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert said in refused.value.details()
    assert len(refused.value.details()) < 300
    assert peak_bytes() - memory < 100 * 2**20
    assert time.process_time() - seconds < 1


def test_a_label_of_a_million_accents_stops_nobody(server):
    label = "a" + "\u0301\u0323" * 250_000
    began = time.process_time()
    assert post(server, {"instances": [{"waveform": [3, 3], "label": label}]}).status_code == 400
    assert time.process_time() - began < 1


def test_memory_stays_flat_over_many_requests(server):
    """It would grow by 6 MB if each request left 10 kB."""
    session = requests.Session()

    def ask(times):
        for _ in range(times):
            session.post(f"{server.url}:predict", json=SOUND, timeout=30)
            session.post(f"{server.url}:predict", data=b"{", timeout=30)

    ask(100)
    before = _resident_bytes()
    ask(300)
    assert _resident_bytes() - before < 5 * 2**20


def _resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * resource.getpagesize()


def test_the_oldest_silent_connection_makes_room_for_a_new_one(start, monkeypatch, caplog):
    """Where the process may not open more files, thousands of them keep nobody out."""
    monkeypatch.setattr("cargan_tf.serving.server.serve.most_connections", lambda: 20)
    server = start(head_seconds=60)
    idle = [connected(server) for _ in range(50)]
    for _ in range(3):
        assert post(server, SOUND).status_code == 200
    gone = 0
    for connection in idle:
        connection.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            try:
                gone += connection.recv(1) == b""
            except ConnectionResetError:
                gone += 1
        connection.close()
    assert 30 <= gone <= 40
    assert not caplog.records


def test_a_request_in_progress_makes_no_room(start, monkeypatch):
    monkeypatch.setattr("cargan_tf.serving.server.serve.most_connections", lambda: 3)
    server = start()
    server.model.seconds = 1.0
    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(post, server, SOUND) for _ in range(2)]
        while len(server.model.runs) < 1:
            time.sleep(0.01)
        for _ in range(10):
            connected(server).close()
        assert [one.result().status_code for one in running] == [200, 200]


def test_the_process_may_open_as_many_files_as_the_system_allows():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, soft), hard))
        most = most_connections()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, 65_536)
        assert most == min(hard, 65_536) - 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_a_clock_that_jumps_changes_no_time_limit(start, monkeypatch, jump):
    server = start(seconds=10, head_seconds=0.5)
    with connected(server) as silent:
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + jump)
        assert post(server, SOUND).status_code == 200
        assert silent.recv(1) == b""  # closed, in its time
    server.model.seconds = 0.3
    assert post(server, SOUND).status_code == 200
