"""The page: its tabs."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import floor
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio import processing_utils
from gradio.utils import get_upload_folder
from jinja2 import Template
from starlette.responses import FileResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from cargan_tf.demo import components
from cargan_tf.demo.components import DemoSession
from cargan_tf.demo.live_endpoint import LiveEndpoint
from cargan_tf.demo.uploads import FILES_KEPT
from cargan_tf.demo.visitors import SOCKET
from cargan_tf.errors import UserError, counted
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.interpolation import DEFAULT_ALPHA, interpolation_weights
from cargan_tf.inference.result import GenerationResult
from cargan_tf.utils.arrays import height_width
from cargan_tf.visualization.plots import residue_svg, spectrogram_svg, waveform_svg

SOFTEST_DB, LOUDEST_DB = -24, 12
#: Step of the start slider in seconds: finer than audible.
STEP = 0.01
WAVEFORM, SPECTROGRAM, COARSE, RESIDUE = (
    *("1. Waveform", "2. Spectrogram"),
    *("3. Coarse image", "4. Residue"),
)


#: Images on the way.
STEPS = 6


#: Gradio gives each event a progress bar of its own in the place of this default.
_PROGRESS = gr.Progress()
MAX_UPLOAD = "20mb"
#: Seconds between looks for visitors' files that are too old.
FILES_LOOKED_FOR = 600
#: Requests that may wait; a visitor beyond them is asked to try again.
WAITING = 32
STYLE = Path(__file__).with_name("style.css")
STATIC = Path(__file__).with_name("static")


def one_sound(page: gr.Blocks, session: DemoSession) -> None:
    """Controls at the left, the image at the right, the way from sound to image below."""
    with gr.Row():
        with gr.Column(min_width=300):
            first_sample = next(iter(session.samples[-1:]), None)
            sound, label = components.sound_controls(page, session, "Sound", first_sample, "one")
            start = gr.Slider(0, 1, 0, step=STEP, label="Start (seconds)", elem_id="start")
            decibels = gr.Slider(
                SOFTEST_DB, LOUDEST_DB, 0, step=1, label="Loudness (decibels)", elem_id="loudness"
            )
        with gr.Column(min_width=300):
            refined = components.image("Refined image", "refined")
            caption = gr.Markdown(elem_id="caption")
            download = components.download_button("download")
            render = gr.Button("Make a video of the whole sound", size="md", elem_id="render")
            video = gr.Video(
                label="Video",
                visible=False,
                interactive=False,
                buttons=["download"],
                elem_id="video",
            )
            video_caption = gr.Markdown(elem_id="video-caption")
    gr.Markdown("## From sound to image")
    with gr.Row():
        with gr.Column(min_width=240):
            waveform = components.step(WAVEFORM, "waveform")
        with gr.Column(min_width=240):
            spectrogram = components.step(SPECTROGRAM, "spectrogram")
        with gr.Column(min_width=240):
            components.step(COARSE, "coarse-title")
            coarse = components.image("Coarse image", "coarse")
        with gr.Column(min_width=240):
            residue = components.step(RESIDUE, "residue")
    outputs = [refined, caption, download, waveform, spectrogram, coarse, residue]

    def generate(file: str | None, label: str, start: float, decibels: float) -> list[Any]:
        if file is None:
            button = gr.DownloadButton(interactive=False)
            sound_steps = components.heading(WAVEFORM), components.heading(SPECTROGRAM)
            seen = components.shown(None), components.heading(RESIDUE)
            return [components.shown(None), "", button, *sound_steps, *seen]
        generated = session.generate(file, components.chosen(label), start, decibels)
        seconds, rate = session.generator.clip_seconds, session.generator.sample_rate
        outline = waveform_svg(session.waveform(file), rate, generated.start_seconds, seconds)
        return [
            components.shown(generated.image, f"Refined image: {generated.label}"),
            components.caption(generated),
            components.download(download, generated),
            components.diagram(
                WAVEFORM,
                outline,
                f"The image is made from the marked {seconds:g} s, which begin at"
                f" {generated.start_seconds:.1f} s.",
            ),
            components.diagram(
                SPECTROGRAM,
                spectrogram_svg(generated.spectrogram, seconds),
                "What the networks see: brighter is louder.",
            ),
            components.shown(generated.coarse, f"Coarse image: {generated.label}"),
            _residue(generated),
        ]

    def load(file: str | None, label: str, decibels: float) -> list[Any]:
        if file is None:
            return [gr.Slider(interactive=False), *generate(None, label, 0, decibels)]
        extent = session.extent(file)
        last, begin = (floor(seconds / STEP) * STEP for seconds in (extent.last, extent.loudest))
        slider = gr.Slider(
            maximum=round(max(last, STEP), 2), value=round(begin, 2), interactive=last > 0
        )
        return [slider, *generate(file, label, begin, decibels)]

    def make_video(
        file: str | None, label: str, progress: gr.Progress = _PROGRESS
    ) -> tuple[Any, str]:
        if file is None:
            raise UserError("there is no sound yet: upload or record one, or pick a sample.")
        made = session.video(file, components.chosen(label), components.PageReporter(progress))
        return components.shown_video(video, made), components.caption(made.result)

    render.click(
        components.show_errors(make_video),
        [sound, label],
        [video, video_caption],
        show_progress_on=render,
        trigger_mode="once",
        api_visibility="private",
    )
    # A video is of the sound and the label that it was made from.
    gr.on(
        [sound.change, label.input],
        lambda: (gr.Video(value=None, visible=False), ""),
        outputs=[video, video_caption],
        show_progress="hidden",
        api_visibility="private",
        queue=False,
    )
    sound.change(
        components.show_errors(load),
        [sound, label, decibels],
        [start, *outputs],
        show_progress_on=refined,
        **components.LIVE,
    )
    gr.on(
        [label.input, start.input, decibels.input],
        components.show_errors(generate),
        [sound, label, start, decibels],
        outputs,
        show_progress_on=refined,
        **components.LIVE,
    )


def _residue(generated: GenerationResult) -> str:
    if not generated.residue:
        return components.diagram(RESIDUE, "", "A network of this kind has none.")
    return components.diagram(
        RESIDUE,
        residue_svg(generated.residue),
        "What the coarse image lacks of each instrument, or shows too much of. It guides the"
        " refined image.",
    )


def two_sounds(page: gr.Blocks, session: DemoSession) -> None:
    """Two sounds beside each other, their mix below."""
    samples = [*session.samples[:2], None, None]
    with gr.Row():
        with gr.Column(min_width=300):
            first = components.sound_controls(page, session, "First sound", samples[0], "first")
        with gr.Column(min_width=300):
            second = components.sound_controls(page, session, "Second sound", samples[1], "second")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            alpha = gr.Slider(
                0,
                1,
                DEFAULT_ALPHA,
                step=0.01,
                label="Weight of the second sound",
                info="Both are brought to one loudness and played at once; their labels get the"
                " same weights.",
                elem_id="alpha",
            )
            components.step("From the first to the second", "interpolation-title")
            gallery = gr.Gallery(
                show_label=False,
                columns=STEPS // 2,
                height="auto",
                allow_preview=False,
                buttons=[],
                format="png",
                elem_id="interpolation",
                elem_classes="image",
            )
        with gr.Column(scale=3, min_width=300):
            mixed = components.image("Image of the mix", "mixed")
            caption = gr.Markdown(elem_id="mixed-caption")
            download = components.download_button("mixed-download")
    outputs = [mixed, caption, download]

    def mix(
        file: str | None, other: str | None, label: str, other_label: str, alpha: float
    ) -> list[Any]:
        if file is None or other is None:
            return [components.shown(None), "", gr.DownloadButton(interactive=False)]
        labels = components.chosen(label), components.chosen(other_label)
        (generated,) = session.interpolate((file, other), labels, [alpha])
        described = components.shown(
            generated.image, f"Mix: {' and '.join(generated.label_weights)}"
        )
        return [described, components.caption(generated), components.download(download, generated)]

    def load(
        file: str | None, other: str | None, label: str, other_label: str, alpha: float
    ) -> list[Any]:
        if file is None or other is None:
            return [[], *mix(file, other, label, other_label, alpha)]
        labels = components.chosen(label), components.chosen(other_label)
        alphas = interpolation_weights(STEPS)
        steps = [
            (generated.image, f"{fraction:.0%}")
            for fraction, generated in zip(
                alphas, session.interpolate((file, other), labels, alphas), strict=True
            )
        ]
        return [steps, *mix(file, other, label, other_label, alpha)]

    inputs = [first[0], second[0], first[1], second[1], alpha]
    gr.on(
        [first[0].change, second[0].change, first[1].input, second[1].input],
        components.show_errors(load),
        inputs,
        [gallery, *outputs],
        show_progress_on=mixed,
        **components.LIVE,
    )
    alpha.input(
        components.show_errors(mix), inputs, outputs, show_progress_on=mixed, **components.LIVE
    )


def live(generator: Generator, sound: str | None) -> None:
    """Draws what is played; the work is ``static/live.js``'s and ``LiveEndpoint``'s."""
    height, width = height_width(generator.config.data.image_size)
    template = Template((STATIC / "live.html").read_text("utf-8"), autoescape=True)
    gr.HTML(
        template.render(
            sound=sound,
            guess=components.GUESS,
            recognizes=generator.recognizes,
            labels=generator.labels,
            players=generator.players,
            height=height,
            width=width,
        ),
        js_on_load=(
            "import(new URL('live/live.js', document.baseURI))"
            ".then(live => live.setUp(element.querySelector('.live')))"
        ),
        apply_default_css=False,
        elem_id="live",
    )


def build_page(generator: Generator, name: str, live_sound: str | None = None) -> gr.Blocks:
    """The page of ``generator``, which it calls ``name``.

    With ``live_sound``, the name of a sound, it opens at the live tab, which plays that sound.
    """
    session = DemoSession(generator)
    with gr.Blocks(
        title="cargan", analytics_enabled=False, delete_cache=(FILES_LOOKED_FOR, FILES_KEPT)
    ) as page:
        gr.Markdown(
            "# cargan\nHalf a second of music and the name of its instrument become an image of"
            f" the player. Drawn by the model `{name}`, which knows"
            f" {counted(len(generator.labels), 'instrument')}."
        )
        with gr.Tabs(selected="one" if live_sound is None else "live"):
            with gr.Tab("One sound", id="one"):
                one_sound(page, session)
            with gr.Tab("Two sounds", id="two"):
                two_sounds(page, session)
            with gr.Tab("Live", id="live"):
                live(generator, live_sound)
    # Without ``api_open=False`` an event that waits in the queue could be run past it.
    page.queue(max_size=WAITING, default_concurrency_limit=1, api_open=False)
    return page


def application(
    page: gr.Blocks, generator: Generator | None = None, live_sound: Path | None = None
) -> FastAPI:
    """What a server answers with to show ``page``.

    Args:
        page: of ``build_page``.
        generator: of the live tab, if the page has one.
        live_sound: what the live tab plays instead of a microphone, a WAV.
    """
    _keep_ffmpeg_from_files()
    routes: list[BaseRoute] = []
    if generator is not None:
        routes.append(WebSocketRoute(SOCKET, LiveEndpoint(generator).__call__))
    if live_sound is not None:
        routes.append(Route("/live/sound.wav", lambda request: FileResponse(live_sound)))
    routes.append(Mount("/live", StaticFiles(directory=STATIC)))
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, routes=routes, lifespan=_tidied)
    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        ssr_mode=False,
        mcp_server=False,
        max_file_size=MAX_UPLOAD,
        show_error=False,  # an unexpected one may name folders; ``gr.Error`` is shown all the same
        footer_links=[],
        css_paths=[STYLE],
        theme=_theme(),
    )


def _keep_ffmpeg_from_files() -> None:
    """Gradio gives a sound or video that a browser may not play to ffprobe and ffmpeg, if they are
    installed, and these follow a playlist of that name to any file of this machine. It asks this
    function each time."""
    processing_utils.ffmpeg_installed = lambda: False


@asynccontextmanager
async def _tidied(app: FastAPI) -> AsyncIterator[None]:
    """Now and then what uploads left behind is deleted; Gradio deletes what it took in itself."""

    async def tidy() -> None:
        while True:
            await asyncio.to_thread(delete_left_over, Path(get_upload_folder()), FILES_KEPT)
            await asyncio.sleep(FILES_LOOKED_FOR)

    task = asyncio.create_task(tidy())
    try:
        yield
    finally:
        task.cancel()


def delete_left_over(folder: Path, seconds: float) -> None:
    """Delete the files of forms that were not whole or had other fields, once they are so old."""
    for file in folder.glob("tmp*"):
        with suppress(OSError):  # just moved or deleted
            found = file.lstat()
            if stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > seconds:
                file.unlink()


def _theme() -> gr.themes.ThemeClass:
    """Fonts of the visitor's own machine."""
    return gr.themes.Default(
        primary_hue="blue",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
