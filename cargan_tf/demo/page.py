"""The page as a whole, and the server that shows it on this machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from cargan_tf.demo import PORT
from cargan_tf.demo.session import DemoSession
from cargan_tf.demo.tabs import one_sound, two_sounds
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator
from cargan_tf.serving.address import LOOPBACK

MAX_UPLOAD = "20mb"
#: Seconds after which a visitor's files are deleted, and between looks for such files.
FILES_KEPT, FILES_LOOKED_FOR = 3600, 600
#: Drawings that wait at most; whoever comes later is asked to try again.
WAITING = 32
STYLE = Path(__file__).with_name("style.css")

#: A browser then asks no other machine for anything, whatever the page may hold.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self';"
    " base-uri 'self'; object-src 'none'; form-action 'self'"
)


def build_page(generator: Generator, name: str) -> gr.Blocks:
    """A page that draws with ``generator``, called ``name`` on it."""
    session = DemoSession(generator)
    with gr.Blocks(
        title="cargan", analytics_enabled=False, delete_cache=(FILES_LOOKED_FOR, FILES_KEPT)
    ) as page:
        gr.Markdown(
            "# cargan\nHalf a second of music and the name of its instrument become an image of"
            f" the player. Drawn by the model `{name}`, which knows {len(generator.labels)}"
            " instruments."
        )
        with gr.Tab("One sound"):
            one_sound(page, session)
        with gr.Tab("Two sounds"):
            two_sounds(page, session)
    page.queue(max_size=WAITING, default_concurrency_limit=1)
    return page


@contextmanager
def served(
    page: gr.Blocks, host: str = LOOPBACK, port: int = PORT, in_browser: bool = False
) -> Iterator[str]:
    """Show the page as long as the context lasts; gives its address.

    Whoever shows it to others puts a proxy before it, or names a ``host``.

    Raises:
        UserError: the port is taken, or the host is none of this machine's.
    """
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            inbrowser=in_browser,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            mcp_server=False,
            max_file_size=MAX_UPLOAD,
            footer_links=[],
            css_paths=[STYLE],
            theme=_theme(),
            app_kwargs={"middleware": [Middleware(_Policy)]},
        )
    except OSError as error:
        raise UserError(
            f"the page cannot be shown at {host}:{port} ({error}): choose another --port or --host."
        ) from error
    try:
        yield address
    finally:
        page.close(verbose=False)


def _theme() -> gr.themes.ThemeClass:
    """Fonts of the visitor's own machine."""
    return gr.themes.Default(
        primary_hue="blue",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


class _Policy:
    """Adds the content security policy to every answer."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ())]
                headers.append((b"content-security-policy", _POLICY.encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, with_policy)
