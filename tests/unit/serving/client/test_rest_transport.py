"""What else may listen on a port: a server that answers as it is told to."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.serving.address import parse_address
from cargan_tf.serving.client.rest_transport import RestTransport


@pytest.fixture
def told():
    """The server's port, and the answers it is to give in turn: (status, body)."""
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.rfile.read(int(self.headers["content-length"])))
            status, body = answers.pop(0) if len(answers) > 1 else answers[0]
            if status is None:
                self.connection.close()
                return
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.answers, server.asked = answers, asked
    yield server
    server.shutdown()
    server.server_close()


def predict(server, retries=0):
    address = parse_address(f"127.0.0.1:{server.server_address[1]}")
    transport = RestTransport(address, timeout=10, retries=retries)
    return transport.predict("metadata", {"part": np.array(["labels"])}, ["json"])


OK = (200, b'{"outputs": ["x"]}')


def test_the_request_is_tensorflow_servings(told):
    told.answers.append(OK)
    assert predict(told)["json"].tolist() == ["x"]
    assert told.asked == [b'{"signature_name": "metadata", "inputs": {"part": ["labels"]}}']


@pytest.mark.parametrize("again", [(429, b"{}"), (503, b"{}"), (502, b"<html>"), (None, b"")])
def test_a_passing_fault_is_asked_past(told, again):
    told.answers += [again, OK]
    assert predict(told, retries=2)["json"].tolist() == ["x"]
    assert len(told.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"hello", "is no TensorFlow Serving"),
        (200, b'{"hello": 1}', "is no TensorFlow Serving"),
        (200, b"[]", "is no TensorFlow Serving"),
        (200, b'{"outputs": {"html": ["x"]}}', "is no TensorFlow Serving"),
        (200, b'{"outputs": {"json": [{"b64": "no"}]}}', "is no TensorFlow Serving"),
        (200, b'{"outputs": {"json": [{"x": 1}]}}', "is no TensorFlow Serving"),
        (404, b"<html>not found</html>", "is no TensorFlow Serving"),
        (500, b'{"error": 3}', "is no TensorFlow Serving"),
        (404, b'{"error": "Servable not found for request: Latest(cargan)"}', "no model 'cargan'"),
        (
            400,
            b'{"error": "assertion failed: [unknown label: x.]\\n\\t [[{{node}}]]"}',
            "label: x.",
        ),
        (503, b'{"error": "queue full"}', "is too busy"),
        (None, b"", "no server answers"),
    ],
)
def test_any_other_answer_is_one_line(told, status, body, said):
    told.answers.append((status, body))
    with pytest.raises(UserError) as caught:
        predict(told)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "node" not in str(caught.value)
