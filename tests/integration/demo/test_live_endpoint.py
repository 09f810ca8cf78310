"""The WebSocket of the live tab, behind what stands before it on the page."""

import io
import json
import struct
import time

import numpy as np
import pytest
from helpers.live import CHUNK, RATE, LiveGenerator, rest, tone
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from cargan_tf.demo import live_endpoint
from cargan_tf.demo.live_endpoint import MAX_MESSAGE, UNSEEN, LiveEndpoint
from cargan_tf.demo.visitors import SOCKET, Visitors
from cargan_tf.serving.allowed_hosts import AllowedHosts

ADDRESS = f"ws://127.0.0.1{SOCKET}"
SHOWN = json.dumps({"shown": True})


@pytest.fixture
def generator():
    return LiveGenerator()


@pytest.fixture
def endpoint(generator):
    return LiveEndpoint(generator)


@pytest.fixture
def app(endpoint):
    routes = [
        Route("/", lambda request: PlainTextResponse("the page")),
        WebSocketRoute(SOCKET, endpoint.__call__),
    ]
    return AllowedHosts(Visitors(Starlette(routes=routes)), "127.0.0.1")


def open_page(client):
    """As a new visitor, who is given a cookie."""
    client.cookies.clear()
    client.get("/")


@pytest.fixture
def visitor(app):
    """A browser that has opened the page; its connections are of one event loop."""
    with TestClient(app, base_url="http://127.0.0.1") as client:
        open_page(client)
        yield client


def settings(label="cello", rate=RATE, **more):
    return json.dumps({"rate": rate, "label": label, **more})


def chunks(sound):
    """Messages of a sound; the time of each is its number."""
    for number, begin in enumerate(range(0, len(sound), CHUNK)):
        samples = sound[begin : begin + CHUNK].astype("<i2")
        yield struct.pack(">d", number) + samples.tobytes()


def play(socket, sound):
    for message in chunks(sound):
        socket.send_bytes(message)


def receive(socket):
    """The time, the facts and the pixels of the next image."""
    message = socket.receive_bytes()
    time_of_sound, length = struct.unpack(">dH", message[:10])
    facts = json.loads(message[10 : 10 + length])
    with Image.open(io.BytesIO(message[10 + length :])) as image:
        return time_of_sound, facts, np.asarray(image)


def closed(socket):
    """Code and reason with which the server closes, whatever it sent before."""
    try:
        while True:
            socket.receive_bytes()
    except WebSocketDisconnect as end:
        return end.code, end.reason


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_sound_becomes_images_of_the_newest_sound(visitor):
    with visitor.websocket_connect(ADDRESS) as socket:
        socket.send_text(settings())
        play(socket, tone(1))
        for _ in range(20):
            socket.send_text(SHOWN)
        times = []
        while not times or times[-1] < RATE // CHUNK - 1:
            time_of_sound, facts, image = receive(socket)
            times.append(time_of_sound)
            socket.send_text(SHOWN)
            assert facts == {"label": "cello", "said": "cello", "resting": False}
            assert image.shape == (4, 4, 3)
    assert times == sorted(set(times))


def test_no_more_images_are_made_than_are_seen(visitor, generator):
    with visitor.websocket_connect(ADDRESS) as socket:
        socket.send_text(settings())
        messages = chunks(tone(6))

        def enough(count):
            socket.send_bytes(next(messages))
            return len(generator.asked) == count

        until(lambda: enough(UNSEEN))
        for _ in range(20):
            assert enough(UNSEEN)
            time.sleep(0.01)
        socket.send_text(SHOWN)
        until(lambda: enough(UNSEEN + 1))


def test_another_instrument_and_player_may_be_chosen_meanwhile(visitor, generator):
    with visitor.websocket_connect(ADDRESS) as socket:
        socket.send_text(settings())
        play(socket, tone(1))
        assert receive(socket)[1]["label"] == "cello"
        socket.send_text(SHOWN)
        socket.send_text(settings("flute", player=2))
        while receive(socket)[1]["label"] != "flute":
            socket.send_text(SHOWN)
        assert generator.player == 2


def test_in_silence_nothing_comes(visitor, generator):
    with visitor.websocket_connect(ADDRESS) as socket:
        socket.send_text(settings(""))
        play(socket, rest(1))
        socket.send_text(settings("cello"))
        _, facts, _ = receive(socket)
        assert facts == {"label": "cello", "said": "cello", "resting": True}
        play(socket, rest(1))
        time.sleep(0.3)
        assert len(generator.asked) == 1


def test_a_visitor_who_stops_is_forgotten(visitor, endpoint, generator):
    with visitor.websocket_connect(ADDRESS) as socket:
        socket.send_text(settings())
        play(socket, tone(1))
        receive(socket)
        assert len(endpoint._playing) == 1
    until(lambda: not endpoint._playing)
    made = len(generator.asked)
    time.sleep(0.2)
    assert len(generator.asked) == made


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}, {"origin": "null"}]
)
def test_foreign_pages_are_refused(visitor, headers):
    with (
        pytest.raises(WebSocketDisconnect) as end,
        visitor.websocket_connect(ADDRESS, headers=headers),
    ):
        pass
    assert end.value.code == 1008


def test_the_page_itself_is_not(visitor):
    headers = {"origin": "http://127.0.0.1", "host": "127.0.0.1"}
    with visitor.websocket_connect(ADDRESS, headers=headers) as socket:
        socket.send_text(settings())


def test_who_has_not_opened_the_page_is_refused(app):
    stranger = TestClient(app, base_url="http://127.0.0.1")
    with pytest.raises(WebSocketDisconnect) as end, stranger.websocket_connect(ADDRESS):
        pass
    assert end.value.code == 1008


def test_there_is_no_other_socket(visitor):
    with pytest.raises(WebSocketDisconnect), visitor.websocket_connect("ws://127.0.0.1/live/other"):
        pass


@pytest.mark.parametrize(
    ("message", "code", "said"),
    [
        (bytes(MAX_MESSAGE + 2), 1009, "more than 32768 bytes"),
        ("a" * (MAX_MESSAGE + 1), 1009, "more than 32768 bytes"),
        (bytes(8), 1003, "a time and 16-bit samples"),
        (bytes(11), 1003, "a time and 16-bit samples"),
        ("words", 1003, "a JSON object"),
        ("[" * 20_000, 1003, "a JSON object"),
        (settings(label=None), 1003, "a whole rate and a label"),
        (settings(player="1"), 1003, "a whole player"),
    ],
)
def test_bad_messages_end_the_connection(visitor, message, code, said):
    with visitor.websocket_connect(ADDRESS) as socket:
        socket.send_text(settings())
        (socket.send_bytes if isinstance(message, bytes) else socket.send_text)(message)
        found, reason = closed(socket)
    assert found == code
    assert said in reason


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (settings(rate=1), "received a rate of 1 Hz"),
        (settings(rate="fast"), "a whole rate"),
        (settings(label="tuba"), "unknown label tuba"),
        (settings(player=9), "received player 9"),
    ],
)
def test_bad_settings_end_the_connection(visitor, first, said):
    with visitor.websocket_connect(ADDRESS) as socket:
        socket.send_text(first)
        play(socket, tone(0.1))
        found, reason = closed(socket)
    assert found == 1003
    assert said in reason


def test_sound_that_comes_faster_than_it_is_played_ends_the_connection(visitor):
    with visitor.websocket_connect(ADDRESS) as socket:
        socket.send_text(settings())
        for _ in range(12):
            play(socket, rest(1))
        assert closed(socket) == (1008, "the sound comes faster than it is played")


def test_who_says_nothing_is_taken_for_gone(visitor, monkeypatch):
    monkeypatch.setattr(live_endpoint, "IDLE_SECONDS", 0.1)
    with visitor.websocket_connect(ADDRESS) as socket:
        assert closed(socket) == (1008, "nothing came for 0.1 s")


def test_a_visitor_plays_in_one_window(visitor):
    with visitor.websocket_connect(ADDRESS) as first, visitor.websocket_connect(ADDRESS) as second:
        first.send_text(settings())
        assert closed(first) == (1008, "you are playing in another window")
        second.send_text(settings())
        play(second, tone(1))
        assert receive(second)[1]["label"] == "cello"


def test_beyond_the_most_visitors_others_wait(visitor, monkeypatch):
    monkeypatch.setattr(live_endpoint, "MAX_VISITORS", 1)
    with visitor.websocket_connect(ADDRESS) as playing:
        playing.send_text(settings())
        open_page(visitor)
        with visitor.websocket_connect(ADDRESS) as waiting:
            assert closed(waiting) == (1013, "others are playing: try again later")
