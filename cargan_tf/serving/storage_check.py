"""Whether a model whose weights are stored as float16 still draws the same pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import cut_clip
from cargan_tf.audio.decode import to_mono_at_rate
from cargan_tf.data.sample.instruments import INSTRUMENTS
from cargan_tf.data.sample.recording import record
from cargan_tf.data.sample.synthesiser import SAMPLE_RATE
from cargan_tf.errors import UserError
from cargan_tf.serving.card import ModelCard
from cargan_tf.serving.picture_model import PictureModel

#: A colour may differ by so much of 255: half of it is the rounding to 8 bits.
LEVELS = 1
#: The sounds that are compared: notes of each recording, its number and the players' seed.
NOTES, RECORDING, SEED = 2, 0, 0


def check_same_pictures(model: PictureModel, other: PictureModel, card: ModelCard) -> None:
    """Draw a sound with each label by both.

    Raises:
        UserError: a colour differs by more than ``LEVELS``.
    """
    sounds, labels = comparison_sounds(card), list(card.labels)
    pictures = [made.serve(sounds, labels)["image"].numpy() for made in (model, other)]
    one, two = (picture.astype(np.int16) for picture in pictures)
    furthest = int(np.abs(one - two).max())
    if furthest > LEVELS:
        raise UserError(
            f"with float16 weights a colour differs by {furthest} of 255, and at most {LEVELS} is"
            " taken: export without --float16."
        )


def comparison_sounds(card: ModelCard) -> NDArray[np.float32]:
    """[K, samples]: the beginnings of synthesised recordings, one a label."""
    audio = card.config.audio
    names = [list(INSTRUMENTS)[place % len(INSTRUMENTS)] for place in range(len(card.labels))]
    recordings = (record(name, RECORDING, NOTES, SEED) for name in names)
    waveforms = [to_mono_at_rate(sound, SAMPLE_RATE, audio.sample_rate) for sound in recordings]
    clips = [
        cut_clip(mono, 0, audio.clip_samples, sample_rate=audio.sample_rate) for mono in waveforms
    ]
    return np.stack([clip.samples for clip in clips])
