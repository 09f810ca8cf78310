from pathlib import Path

import numpy as np
import tensorflow as tf

from cargan_tf.audio.quality import ClipQuality
from cargan_tf.data.pairs import Pair
from cargan_tf.data.records import parse, parse_summaries, serialize

PAIR = Pair(
    "train",
    "naïve horn",
    "n01",
    1500,
    Path("a.wav"),
    Path("a.jpg"),
    player="Zoë",
    source="FluidR3",
    midi=69.0,
)
QUALITY = ClipQuality(rms_db=-12.5, flatness=0.25, silent=False, noise_like=False)
GENERATOR = np.random.default_rng(0)
LOG_MEL = GENERATOR.normal(-40, 20, (16, 17)).astype(np.float32)
WAVEFORM = GENERATOR.integers(-(2**15), 2**15, 50, np.int16)
PHOTO = GENERATOR.integers(0, 256, (32, 32, 3), np.uint8)


def test_round_trip_is_exact():
    record = serialize(PAIR, LOG_MEL, WAVEFORM, PHOTO, 7, QUALITY)
    values = parse(tf.constant([record, record]), n_mels=16, frames=17, size=32, samples=50)
    np.testing.assert_array_equal(values["log_mel"], [LOG_MEL, LOG_MEL])
    np.testing.assert_array_equal(values["photo"], [PHOTO, PHOTO])
    assert values["photo"].dtype == tf.uint8
    assert values["label"].numpy().tolist() == [7, 7]
    assert values["start_ms"].numpy().tolist() == [1500, 1500]
    assert values["id"].numpy()[0].decode() == "naïve horn/n01/1500"
    assert values["recording"].numpy()[0] == b"n01"
    assert values["player"].numpy()[0].decode() == "Zoë"
    assert values["source"].numpy()[0] == b"FluidR3"
    np.testing.assert_array_equal(values["waveform"], [WAVEFORM, WAVEFORM])
    assert values["rms_db"].numpy()[0] == -12.5
    assert values["flatness"].numpy()[0] == 0.25


def test_summaries_hold_all_but_sound_and_image():
    record = serialize(PAIR, LOG_MEL, WAVEFORM, PHOTO, 7, QUALITY)
    summary = parse_summaries(tf.constant([record]))
    whole = parse(tf.constant([record]), n_mels=16, frames=17, size=32)
    assert summary.keys() == whole.keys() - {"log_mel", "photo"}
    assert all((summary[name] == whole[name]).numpy().all() for name in summary)


def test_a_view_in_another_order_is_written_as_it_reads():
    record = serialize(PAIR, np.asfortranarray(LOG_MEL), WAVEFORM, PHOTO, 0, QUALITY)
    assert record == serialize(PAIR, LOG_MEL, WAVEFORM, PHOTO, 0, QUALITY)
