"""Where `cargan serve` listens, and what it says of that."""

import socket

import pytest

from cargan_tf.errors import UserError
from cargan_tf.serving.server.limits import Limits
from cargan_tf.serving.server.serve import Endpoint, Server, _welcome, bound, serve
from cargan_tf.serving.server.service import Service


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with bound("127.0.0.1", 0) as listener:
        listener.listen()
        yield listener.getsockname()[1]


def test_a_rest_port_that_is_taken_is_named_before_the_model_is_loaded(taken, tmp_path):
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:{taken} cannot be listened on"):
        serve(tmp_path / "none", endpoint=Endpoint(rest_port=taken))


def test_a_grpc_port_that_is_taken_is_named(taken, invented):
    with bound("127.0.0.1", 0) as rest_socket:
        server = Server(Service(invented, Limits()), rest_socket, Endpoint(grpc_port=taken))
        with pytest.raises(UserError, match=rf"127\.0\.0\.1:{taken} cannot be listened on"):
            server.run()


def test_an_address_of_another_machine_is_named():
    with pytest.raises(UserError, match=r"192\.0\.2\.1:0 cannot be listened on"):
        bound("192.0.2.1", 0)


def test_whoever_lets_others_in_is_told_what_that_means(invented):
    assert "asks for no password" in list(_welcome(invented, "0.0.0.0", 1, 2))[-1]
    for host in ("127.0.0.1", "::1", "localhost"):
        first, rest, grpc, labels = _welcome(invented, host, 1, 2)
        assert first.startswith("Serving tiny, version 3, as 'cargan'")
        assert rest.endswith(":1/v1/models/cargan:predict")
        assert grpc.endswith(":2")
        assert labels == "  2 labels: cello, flute"


def test_a_socket_that_gets_no_address_is_closed(monkeypatch):
    made = []

    class Noted(socket.socket):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    with bound("127.0.0.1", 0) as taken:
        taken.listen()
        monkeypatch.setattr("cargan_tf.serving.server.serve.socket.socket", Noted)
        with pytest.raises(UserError, match="cannot be listened on"):
            bound("127.0.0.1", taken.getsockname()[1])
    assert [one.fileno() for one in made] == [-1]
