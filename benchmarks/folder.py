"""A folder of clips to a folder of PNGs, beside the network alone.

    python -m benchmarks.folder --size 128

What ``cargan generate`` does once the model is loaded: read, cut, draw in batches, encode, write.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.measuring import parse_and_report, seconds_of
from benchmarks.networks import BATCH, config_of, new_picture_model
from benchmarks.sub_urmp_like import LABEL, RATE, sound
from cargan_tf.config import load_config
from cargan_tf.inference import BATCH as DRAWN_AT_ONCE
from cargan_tf.inference import Generator
from cargan_tf.labels import label_weights
from cargan_tf.pictures import plan_pictures, save_picture

CLIPS = 200
#: Of the network alone, as many before the folder as after it.
BATCHES = 6


def measure(size: int, clips: int, tiny: bool) -> dict[str, Any]:
    """64 is the quickstart's network, the others the paper's."""
    config = load_config("quickstart") if size == 64 else config_of(size, tiny=tiny)
    model, card = new_picture_model(config)
    generator = Generator(model, card)
    with tempfile.TemporaryDirectory() as folder:
        sounds, pictures = Path(folder) / "sounds", Path(folder) / "pictures"
        sounds.mkdir()
        random = np.random.default_rng(0)
        clips = DRAWN_AT_ONCE if tiny else clips
        for clip in range(clips):
            soundfile.write(sounds / f"{clip:03d}.wav", sound(random), RATE)
        pictures.mkdir()

        def draw_folder() -> None:
            plan = plan_pictures([sounds], pictures)
            for source, drawn in generator.generate_files(list(plan), [LABEL] * len(plan)):
                save_picture(drawn.image, plan[source])

        waveforms = random.normal(0, 0.1, (DRAWN_AT_ONCE, config.audio.clip_samples))
        batch = (
            waveforms.astype(np.float32),
            np.stack([label_weights(LABEL, card.labels)] * DRAWN_AT_ONCE),
        )

        def draw_batch() -> None:
            model.draw_weighted(*batch)["image"].numpy()

        draw_batch()  # traced, and kernels chosen
        alone = [seconds_of(draw_batch) for _ in range(BATCHES)]
        taken = seconds_of(draw_folder)
        alone += [seconds_of(draw_batch) for _ in range(BATCHES)]
        assert len(list(pictures.iterdir())) == clips
    network = DRAWN_AT_ONCE / statistics.median(alone)
    return {
        "clips": clips,
        "pictures_per_second": clips / taken,
        "network_pictures_per_second": network,
        "share_of_network": clips / taken / network,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--size", type=int, choices=BATCH, required=True)
    parser.add_argument("--clips", type=int, default=CLIPS)
    parse_and_report(parser, measure)
