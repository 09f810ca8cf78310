"""The tab that draws one sound and shows the way from it to the picture."""

from __future__ import annotations

from math import floor
from typing import Any

import gradio as gr

from cargan_tf.drawn import Drawn
from cargan_tf.page import parts
from cargan_tf.page.listening import Listening
from cargan_tf.plots import residue_svg, spectrogram_svg, waveform_svg

SOFTEST_DB, LOUDEST_DB = -24, 12
#: Of the slider for the start, in seconds: finer than is heard.
STEP = 0.01
WAVEFORM, SPECTROGRAM, COARSE, RESIDUE = (
    *("1. Waveform", "2. Spectrogram"),
    *("3. Coarse picture", "4. Residue"),
)


def one_sound(page: gr.Blocks, listening: Listening) -> None:
    """Controls at the left, the picture at the right, the way from sound to picture below."""
    with gr.Row():
        with gr.Column(min_width=300):
            first_sample = next(iter(listening.samples[-1:]), None)
            sound, label = parts.sound_controls(page, listening, "Sound", first_sample, "one")
            start = gr.Slider(0, 1, 0, step=STEP, label="Start (seconds)", elem_id="start")
            decibels = gr.Slider(
                SOFTEST_DB, LOUDEST_DB, 0, step=1, label="Loudness (decibels)", elem_id="loudness"
            )
        with gr.Column(min_width=300):
            refined = parts.picture("Refined picture", "refined")
            caption = gr.Markdown(elem_id="caption")
            download = parts.download_button("download")
    gr.Markdown("## From sound to picture")
    with gr.Row():
        with gr.Column(min_width=240):
            waveform = parts.step(WAVEFORM, "waveform")
        with gr.Column(min_width=240):
            spectrogram = parts.step(SPECTROGRAM, "spectrogram")
        with gr.Column(min_width=240):
            parts.step(COARSE, "coarse-title")
            coarse = parts.picture("Coarse picture", "coarse")
        with gr.Column(min_width=240):
            residue = parts.step(RESIDUE, "residue")
    outputs = [refined, caption, download, waveform, spectrogram, coarse, residue]

    def draw(file: str | None, label: str, start: float, decibels: float) -> list[Any]:
        if file is None:
            button = gr.DownloadButton(interactive=False)
            sound_steps = parts.heading(WAVEFORM), parts.heading(SPECTROGRAM)
            seen = parts.shown(None), parts.heading(RESIDUE)
            return [parts.shown(None), "", button, *sound_steps, *seen]
        drawn = listening.draw(file, parts.chosen(label), start, decibels)
        seconds, rate = listening.generator.clip_seconds, listening.generator.sample_rate
        outline = waveform_svg(listening.waveform(file), rate, drawn.start_seconds, seconds)
        return [
            parts.shown(drawn.image, f"Refined picture: {drawn.label}"),
            parts.caption(drawn),
            parts.download(download, drawn),
            parts.drawing(WAVEFORM, outline, "The marked part is drawn."),
            parts.drawing(
                SPECTROGRAM,
                spectrogram_svg(drawn.spectrogram, seconds),
                "What the networks see: brighter is louder.",
            ),
            parts.shown(drawn.coarse, f"Coarse picture: {drawn.label}"),
            _residue(drawn),
        ]

    def hear(file: str | None, label: str, decibels: float) -> list[Any]:
        if file is None:
            return [gr.Slider(interactive=False), *draw(None, label, 0, decibels)]
        extent = listening.extent(file)
        last, begin = (floor(seconds / STEP) * STEP for seconds in (extent.last, extent.loudest))
        slider = gr.Slider(
            maximum=round(max(last, STEP), 2), value=round(begin, 2), interactive=last > 0
        )
        return [slider, *draw(file, label, begin, decibels)]

    sound.change(
        parts.told(hear),
        [sound, label, decibels],
        [start, *outputs],
        show_progress_on=refined,
        **parts.LIVE,
    )
    gr.on(
        [label.input, start.input, decibels.input],
        parts.told(draw),
        [sound, label, start, decibels],
        outputs,
        show_progress_on=refined,
        **parts.LIVE,
    )


def _residue(drawn: Drawn) -> str:
    if not drawn.residue:
        return parts.drawing(RESIDUE, "", "A network of this kind has none.")
    return parts.drawing(
        RESIDUE,
        residue_svg(drawn.residue),
        "What the coarse picture lacks of each instrument, or shows too much of. It guides the"
        " refined picture.",
    )
