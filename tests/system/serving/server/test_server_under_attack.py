"""The server process of the shipped model under thousands of connections, and stopped and woken."""

import http.client
import json
import resource
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from helpers.serving_server import Live

SHIPPED = Path(__file__).parents[4] / "saved_models" / "players-128"
SOUND = json.dumps({"instances": [{"waveform": [0.1, -0.1] * 5_000, "label": "violin"}]})
#: As many as a server should stand; files that this process needs besides.
IDLE, OTHERS, FEWEST = 10_000, 300, 2_000


@pytest.fixture(scope="module")
def live():
    server = Live(SHIPPED)
    yield server
    if server.process.poll() is None:
        server.stop(signal.SIGKILL)


def address(server):
    host, port = server.rest.split(":")
    return host, int(port)


def ask(server):
    """The size of the image that a request is answered with."""
    connection = http.client.HTTPConnection(*address(server), timeout=120)
    connection.request("POST", "/v1/models/cargan:predict", SOUND)
    reply = connection.getresponse()
    assert reply.status == 200
    (row,) = json.loads(reply.read())["predictions"]
    connection.close()
    return len(row["image"])


@pytest.fixture
def idle_count():
    """How many connections this process may open; it is allowed so many meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + OTHERS if hard == resource.RLIM_INFINITY else min(hard, IDLE + OTHERS)
    if wanted - OTHERS < FEWEST:
        pytest.skip(f"the system allows a process {hard} files; {FEWEST + OTHERS} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield wanted - OTHERS
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
def test_requests_are_answered_among_ten_thousand_idle_connections(live, idle_count):
    assert ask(live) == 128
    before = live.peak_bytes
    idle = []
    try:
        for number in range(idle_count):
            idle.append(socket.create_connection(address(live), timeout=60))
            if number % 2:  # half a head is no request either
                idle[-1].sendall(b"POST /v1/models/cargan:predict HTTP/1.1\r\nHost: localhost\r\n")
            if number % (idle_count // 5) == 0:
                assert ask(live) == 128
        for _ in range(3):
            assert ask(live) == 128
    finally:
        for connection in idle:
            connection.close()
    assert ask(live) == 128
    assert live.peak_bytes - before < 500 << 20
    assert live.process.poll() is None


def test_a_server_that_is_stopped_for_a_while_goes_on(live):
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(ask(live))) for _ in range(4)]
    live.process.send_signal(signal.SIGSTOP)
    try:
        for thread in asking:
            thread.start()
        time.sleep(3)  # the time is the matter of this test
        assert not answers
    finally:
        live.process.send_signal(signal.SIGCONT)
    for thread in asking:
        thread.join(120)
    assert answers == [128] * 4
    assert ask(live) == 128


def test_it_ends_at_once_after_all_that(live):
    status, said = live.stop(signal.SIGTERM)
    assert status == 0
    assert "Traceback" not in said
