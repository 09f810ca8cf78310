"""The tab that draws one sound and shows the way from it to the picture."""

from __future__ import annotations

from typing import Any

import gradio as gr

from cargan_tf.page import parts
from cargan_tf.page.listening import Listening
from cargan_tf.plots import residue_svg, spectrogram_svg, waveform_svg

SOFTEST_DB, LOUDEST_DB = -24, 12


def one_sound(page: gr.Blocks, listening: Listening) -> None:
    """Controls at the left, the picture at the right, what lies between below."""
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            first_sample = next(iter(listening.samples[-1:]), None)
            sound, label = parts.sound_controls(page, listening, "Sound", first_sample, "one")
            start = gr.Slider(0, 1, 0, step=0.01, label="Start (seconds)", elem_id="start")
            decibels = gr.Slider(
                SOFTEST_DB, LOUDEST_DB, 0, step=1, label="Loudness (decibels)", elem_id="loudness"
            )
            waveform = gr.HTML(elem_classes="plot", elem_id="waveform")
        with gr.Column(scale=3, min_width=300):
            refined = parts.picture("Refined picture", "refined")
            caption = gr.Markdown(elem_id="caption")
            download = parts.download_button("download")
    with gr.Row():
        with gr.Column(min_width=280):
            spectrogram = gr.HTML(elem_classes="plot", elem_id="spectrogram")
        with gr.Column(min_width=280):
            coarse = parts.picture("Coarse picture", "coarse")
        with gr.Column(min_width=280):
            residue = gr.HTML(elem_classes="plot", elem_id="residue")
    outputs = [refined, caption, download, waveform, spectrogram, coarse, residue]

    def draw(file: str | None, label: str, start: float, decibels: float) -> list[Any]:
        if file is None:
            return [None, "", gr.DownloadButton(interactive=False), "", "", None, ""]
        drawn = listening.draw(file, parts.chosen(label), start, decibels)
        seconds, rate = listening.generator.clip_seconds, listening.generator.sample_rate
        outline = waveform_svg(listening.waveform(file), rate, drawn.start_seconds, seconds)
        return [
            drawn.image,
            parts.caption(drawn),
            parts.download(download, drawn),
            parts.plot("Waveform", outline, "The marked part is drawn."),
            parts.plot(
                "Spectrogram",
                spectrogram_svg(drawn.spectrogram, seconds),
                "What the networks see: low notes at the bottom, brighter is louder.",
            ),
            drawn.coarse,
            parts.plot(
                "Residue",
                residue_svg(drawn.residue),
                "What the coarse picture lacks of each instrument, or shows too much of; it guides"
                " the refined picture.",
            ),
        ]

    def hear(file: str | None, label: str, decibels: float) -> list[Any]:
        if file is None:
            return [gr.Slider(interactive=False), *draw(None, label, 0, decibels)]
        extent = listening.extent(file)
        slider = gr.Slider(
            maximum=max(extent.last, 0.01), value=extent.loudest, interactive=extent.last > 0
        )
        return [slider, *draw(file, label, extent.loudest, decibels)]

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
