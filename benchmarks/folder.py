"""A folder of clips to a folder of PNGs, beside the network alone.

    python -m benchmarks.folder --size 128

What ``cargan generate`` does once the model is loaded: read, cut, draw in batches, encode, write.
Folder and network are drawn in turns, so that what else the machine does takes from both.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.measuring import parse_and_report
from benchmarks.networks import BATCH, config_of, new_serving_module
from benchmarks.sub_urmp_like import LABEL, RATE, sound
from cargan_tf.config import load_config
from cargan_tf.inference.generator import BATCH_SIZE, Generator
from cargan_tf.inference.image_io import plan_outputs, save_image, save_in_background
from cargan_tf.labels import label_weights

CLIPS = 200
#: The folder is drawn so many times, with the network alone before and after each.
ROUNDS = 3


def measure(size: int, clips: int, tiny: bool) -> dict[str, Any]:
    """64 is the quickstart's network, the others the paper's."""
    config = load_config("quickstart") if size == 64 else config_of(size, tiny=tiny)
    model, metadata = new_serving_module(config)
    generator = Generator(model, metadata, "tensorflow")
    with tempfile.TemporaryDirectory() as folder:
        sounds, images = Path(folder) / "sounds", Path(folder) / "images"
        sounds.mkdir()
        random = np.random.default_rng(0)
        clips = BATCH_SIZE if tiny else clips
        for clip in range(clips):
            soundfile.write(sounds / f"{clip:03d}.wav", sound(random), RATE)
        plan = plan_outputs([sounds], images)

        def draw_folder() -> None:
            drawings = generator.generate_files(list(plan), [LABEL] * len(plan))
            for _ in save_in_background(
                drawings, lambda one: save_image(one[1].image, plan[one[0]])
            ):
                pass

        waveforms = random.normal(0, 0.1, (BATCH_SIZE, config.audio.clip_samples))
        batch = (
            waveforms.astype(np.float32),
            np.stack([label_weights(LABEL, metadata.labels)] * BATCH_SIZE),
        )

        def draw_batches() -> None:
            for _ in range(0, clips, BATCH_SIZE):
                model.generate_soft_labels(*batch)["image"].numpy()

        draw_batches()  # traced, and kernels chosen
        alone, whole = [_times(draw_batches)], []
        for _ in range(1 if tiny else ROUNDS):
            whole.append(_times(draw_folder))
            alone.append(_times(draw_batches))
            assert len(list(images.iterdir())) == clips
            shutil.rmtree(images)
    drawn_alone = -(-clips // BATCH_SIZE) * BATCH_SIZE
    network, network_cpu = (
        drawn_alone / statistics.median(times) for times in zip(*alone, strict=True)
    )
    folder_speed, folder_cpu = (
        clips / statistics.median(times) for times in zip(*whole, strict=True)
    )
    return {
        "clips": clips,
        "images_per_second": folder_speed,
        "network_images_per_second": network,
        "share_of_network": folder_speed / network,
        "cpu_seconds_per_image": 1 / folder_cpu,
        "network_cpu_seconds_per_image": 1 / network_cpu,
    }


def _times(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of all cores' work."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--size", type=int, choices=BATCH, required=True)
    parser.add_argument("--clips", type=int, default=CLIPS)
    parse_and_report(parser, measure)
