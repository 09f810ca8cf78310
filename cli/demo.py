"""`cargan demo`: a page in the browser to play with a model."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import allow_host_option
from cargan_cli.sounds import load_generator, model_option

from cargan_tf.demo import PORT
from cargan_tf.errors import UserError, install_hint
from cargan_tf.serving.address import LOOPBACK


@click.command("demo", short_help="Open a page to try a model in the browser.")
@model_option
@click.option(
    "--host",
    default=LOOPBACK,
    show_default=True,
    help="Address to listen on; 0.0.0.0 accepts other machines.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=PORT,
    show_default=True,
    help="Port of the page.",
)
@allow_host_option
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def command(
    model: Path | None, host: str, port: int, allow_hosts: tuple[str, ...], no_browser: bool
) -> None:
    """Open a page: record or upload a sound, choose the instrument, see the player.

    It works without a network, and listens on this machine alone unless --host says otherwise.
    Ctrl-C or SIGTERM ends it, and visitors' files are deleted.
    """
    import importlib.util
    import os
    import signal
    import tempfile
    import threading

    if importlib.util.find_spec("gradio") is None:
        raise UserError(f"the page needs Gradio: {install_hint('page')}.")
    generator = load_generator(model)
    from cargan_tf.demo.page import build_page, served

    # Visitors' sounds are nobody else's: Gradio's usual folder is open to all users of the machine.
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="cargan-demo-") as files:
        os.environ.setdefault("GRADIO_TEMP_DIR", files)
        page = build_page(generator, generator.name)
        with served(page, host, port, not no_browser, allow_hosts) as address:
            ended = threading.Event()
            signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
            click.echo(f"Page: {address}")
            click.echo("End it with Ctrl-C.", err=True)
            try:
                ended.wait()
            except KeyboardInterrupt:
                click.echo("", err=True)
