"""The page's server before there is a page, and then; a plain application stands for Gradio's."""

from contextlib import asynccontextmanager

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cargan_tf.demo.server import served
from cargan_tf.errors import UserError


class Page:
    """Knows whether it was begun and ended, in one task as Gradio's needs it."""

    def __init__(self, fails=False):
        self.begun = self.ended = False
        self._fails = fails
        routes = [Route("/", lambda request: PlainTextResponse("the page"))]
        self.app = Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app):
        if self._fails:
            raise UserError("it cannot begin")
        self.begun = True
        yield
        self.ended = True


@pytest.fixture
def server(free_port):
    with served(port=free_port()) as server:
        yield server


def get(server, path="", **headers):
    return requests.get(server.address + path, headers=headers, timeout=60)


def test_a_visitor_sees_at_once_that_the_page_is_coming(server):
    reply = get(server)
    assert reply.status_code == 200
    assert "being loaded" in reply.text
    assert 'http-equiv="refresh"' in reply.text
    assert reply.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in reply.headers["content-security-policy"]


def test_what_only_the_page_answers_is_asked_for_later(server):
    reply = get(server, "config")
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "1"
    upload = requests.post(server.address + "gradio_api/upload", data=b"1", timeout=60)
    assert upload.status_code == 503


@pytest.mark.parametrize("name", ["Host", "Origin"])
@pytest.mark.parametrize("shown", [False, True])
def test_foreign_pages_are_refused_from_the_beginning(server, name, shown):
    if shown:
        server.show(Page().app)
    value = "http://evil.example" if name == "Origin" else "evil.example"
    assert get(server, **{name: value}).status_code == 403


def test_the_page_is_shown_when_it_is_there_and_ended_with_the_server(free_port):
    page = Page()
    with served(port=free_port()) as server:
        server.show(page.app)
        assert page.begun
        assert get(server).text == "the page"
        assert get(server, "else").status_code == 404
        assert not page.ended
    assert page.ended


def test_a_page_that_cannot_begin_says_so_to_who_shows_it(free_port):
    with (
        pytest.raises(UserError, match="it cannot begin"),
        served(port=free_port()) as server,
    ):
        server.show(Page(fails=True).app)


def test_a_port_that_is_taken_is_named(server):
    port = int(server.address.rstrip("/").rpartition(":")[2])
    said = rf"127\.0\.0\.1:{port} .* choose another"
    with pytest.raises(UserError, match=said), served(port=port):
        pass
