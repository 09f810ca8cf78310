"""A system that is not ours, scored by the benchmark: the photo of the training clip whose mean
spectrum is nearest. It needs numpy, soundfile and Pillow only.

    cargan benchmark bench --size small
    python examples/nearest_spectrum.py bench nearest-spectrum
    cargan benchmark bench --images nearest-spectrum --recognized nearest-spectrum/labels.csv
"""

import csv
import sys
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

#: Pixels a side, those of the benchmark's photos.
SIZE = 128
BANDS = 64


def spectrum(sound: Path) -> np.ndarray:
    """Mean level in dB of bands as wide as each other, without the clip's own level."""
    samples, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    magnitudes = np.abs(np.fft.rfft(samples.mean(axis=1)))
    bands = np.array([part.mean() for part in np.array_split(magnitudes, BANDS)])
    decibels = 20 * np.log10(bands + 1e-6)
    return decibels - decibels.mean()


def main(benchmark: Path, out: Path) -> None:
    """Write ``out/<clip>.png`` and ``out/labels.csv`` for the test clips of ``benchmark``."""
    with (benchmark / "sample" / "manifest.csv").open(encoding="utf-8") as lines:
        training = [row for row in csv.DictReader(lines) if row["split"] == "train"]
    known = np.stack([spectrum(benchmark / "sample" / row["audio"]) for row in training])
    labels = np.array([row["label"] for row in training])
    with (benchmark / "clips.csv").open(encoding="utf-8") as lines:
        clips = list(csv.DictReader(lines))
    out.mkdir(parents=True, exist_ok=True)
    recognized = ["clip,label"]
    for clip in clips:
        distances = np.square(known - spectrum(benchmark / clip["sound"])).mean(axis=1)
        recognized.append(f"{clip['clip']},{labels[distances.argmin()]}")
        members = np.flatnonzero(labels == clip["label"])
        nearest = training[members[distances[members].argmin()]]
        with Image.open(benchmark / "sample" / nearest["image"]) as photo:
            image = photo.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        image.save(out / f"{clip['clip']}.png")
    (out / "labels.csv").write_text("\n".join(recognized) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
