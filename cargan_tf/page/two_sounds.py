"""The tab that mixes two sounds and shows the way from one to the other."""

from __future__ import annotations

from typing import Any

import gradio as gr

from cargan_tf.explore import walk_alphas
from cargan_tf.mixing import HALF
from cargan_tf.page import parts
from cargan_tf.page.listening import Listening

#: Pictures on the way.
STEPS = 6


def two_sounds(page: gr.Blocks, listening: Listening) -> None:
    """Two sounds beside each other, their mix below."""
    samples = [*listening.samples[:2], None, None]
    with gr.Row():
        with gr.Column(min_width=300):
            first = parts.sound_controls(page, listening, "First sound", samples[0], "first")
        with gr.Column(min_width=300):
            second = parts.sound_controls(page, listening, "Second sound", samples[1], "second")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            alpha = gr.Slider(
                0,
                1,
                HALF,
                step=0.01,
                label="Share of the second",
                info="Both are brought to one loudness and played at once; their labels get the"
                " same shares.",
                elem_id="alpha",
            )
            parts.step("From the first to the second", "walk-title")
            walk = gr.Gallery(
                show_label=False,
                columns=STEPS // 2,
                height="auto",
                allow_preview=False,
                buttons=[],
                format="png",
                elem_id="walk",
                elem_classes="picture",
            )
        with gr.Column(scale=3, min_width=300):
            mixed = parts.picture("Picture of the mix", "mixed")
            caption = gr.Markdown(elem_id="mixed-caption")
            download = parts.download_button("mixed-download")
    outputs = [mixed, caption, download]

    def mix(
        file: str | None, other: str | None, label: str, other_label: str, alpha: float
    ) -> list[Any]:
        if file is None or other is None:
            return [parts.shown(None), "", gr.DownloadButton(interactive=False)]
        labels = parts.chosen(label), parts.chosen(other_label)
        (drawn,) = listening.walk((file, other), labels, [alpha])
        described = parts.shown(drawn.image, f"Mix: {' and '.join(drawn.label_weights)}")
        return [described, parts.caption(drawn), parts.download(download, drawn)]

    def hear(
        file: str | None, other: str | None, label: str, other_label: str, alpha: float
    ) -> list[Any]:
        if file is None or other is None:
            return [[], *mix(file, other, label, other_label, alpha)]
        labels = parts.chosen(label), parts.chosen(other_label)
        alphas = walk_alphas(STEPS)
        steps = [
            (drawn.image, f"{share:.0%}")
            for share, drawn in zip(
                alphas, listening.walk((file, other), labels, alphas), strict=True
            )
        ]
        return [steps, *mix(file, other, label, other_label, alpha)]

    inputs = [first[0], second[0], first[1], second[1], alpha]
    gr.on(
        [first[0].change, second[0].change, first[1].input, second[1].input],
        parts.told(hear),
        inputs,
        [walk, *outputs],
        show_progress_on=mixed,
        **parts.LIVE,
    )
    alpha.input(parts.told(mix), inputs, outputs, show_progress_on=mixed, **parts.LIVE)
