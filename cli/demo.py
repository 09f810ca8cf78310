"""`cargan demo`: a page in the browser to play with a model."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from cargan_cli.options import ANY_PATH, allow_host_option, host_option
from cargan_cli.sounds import check_model, load_generator, model_option

from cargan_tf.demo import PORT
from cargan_tf.errors import UserError, install_hint

#: Hz of what the live tab plays.
LISTENING_RATE = 44_100


@click.command("demo", short_help="Open a page to try a model in the browser.")
@model_option
@host_option
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=PORT,
    show_default=True,
    help="Port of the page.",
)
@allow_host_option
@click.option(
    "--live",
    type=ANY_PATH,
    metavar="FILE",
    help="Open the live tab, which plays FILE instead of the microphone.",
)
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def command(
    model: Path | None,
    host: str,
    port: int,
    allow_hosts: tuple[str, ...],
    live: Path | None,
    no_browser: bool,
) -> None:
    """Open a page: record or upload a sound, choose the instrument, see the player; or play, and
    see the player move.

    It works without a network, and listens on this machine alone unless --host says otherwise.
    Ctrl-C or SIGTERM ends it, and visitors' files are deleted.
    """
    import importlib.util
    import os
    import tempfile

    if importlib.util.find_spec("gradio") is None:
        raise UserError(f"the page needs Gradio: {install_hint('page')}.")
    from cargan_tf.demo.server import served

    check_model(model)
    # Visitors' sounds are nobody else's: Gradio's usual folder is open to all users of the machine.
    os.umask(0o077)
    with _until_ended() as ended, tempfile.TemporaryDirectory(prefix="cargan-demo-") as files:
        os.environ.setdefault("GRADIO_TEMP_DIR", files)
        sound = None if live is None else _playable(live, Path(files))
        with served(host, port, not no_browser, allow_hosts) as server:
            click.echo(f"Page: {server.address}")
            click.echo("End it with Ctrl-C.", err=True)
            # The server answers; what takes seconds comes now.
            generator = load_generator(model)
            from cargan_tf.demo.page import application, build_page

            page = build_page(generator, generator.name, live and live.name)
            server.show(application(page, generator, sound))
            ended.wait()


def _playable(sound: Path, folder: Path) -> Path:
    """A WAV in ``folder`` that any browser plays; ``UserError`` if ``sound`` cannot be read."""
    import soundfile

    from cargan_tf.audio.decode import read_audio

    playable = folder / "live.wav"
    soundfile.write(playable, read_audio(sound, LISTENING_RATE), LISTENING_RATE, "PCM_16")
    return playable


@contextmanager
def _until_ended() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM leave the block, wherever it is, and set the event.

    By ``SystemExit``: of a ``KeyboardInterrupt`` within an import Python may still die at its end,
    though it was caught. An import may also swallow it or raise another error in its place, so the
    event is what counts.
    """
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        if not ended.is_set():
            ended.set()
            raise SystemExit(0)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    except BaseException:
        if not ended.is_set():
            raise
        click.echo("", err=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
