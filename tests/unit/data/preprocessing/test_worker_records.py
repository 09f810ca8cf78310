from dataclasses import replace

import numpy as np
import soundfile

from cargan_tf.audio.decode import read_audio
from cargan_tf.audio.log_mel import log_mel
from cargan_tf.config import AudioConfig
from cargan_tf.data.images import read_photo
from cargan_tf.data.preprocessing.worker import Chunk, extract
from cargan_tf.data.reference_spectrograms import REFERENCE_AUDIO, read_jet_image, render_jet_image
from cargan_tf.data.sources.detection import find_source


def test_content_and_what_is_left_out(tree, config):
    pairs = find_source(tree).pairs[:4]
    pairs[1].audio.write_text("no sound")
    pairs[2].image.write_text("no image")
    result = extract(Chunk(pairs, config.audio, 32))
    assert result.pairs == (pairs[0], pairs[3])
    assert result.log_mels.shape == (2, 16, 17)
    assert result.photos.shape == (2, 32, 32, 3)
    waveform = read_audio(pairs[3].audio, config.audio.sample_rate)
    expected = log_mel(waveform[np.newaxis], config.audio)[0]
    np.testing.assert_allclose(result.log_mels[1], expected, atol=1e-4)
    np.testing.assert_array_equal(result.photos[1], read_photo(pairs[3].image, 32))
    assert [item.what for item in result.skipped] == [
        f"train/{pairs[1].id}",
        f"train/{pairs[2].id}",
    ]
    assert "cannot be read as sound" in result.skipped[0].why
    assert "is not an image" in result.skipped[1].why


def test_nothing_readable_keeps_the_shapes(tree, config):
    pairs = find_source(tree).pairs[:2]
    for pair in pairs:
        pair.image.unlink()
    result = extract(Chunk(pairs, config.audio, 32))
    assert result.log_mels.shape == (0, 16, 17)
    assert result.photos.shape == (0, 32, 32, 3)
    assert len(result.skipped) == 2


def test_short_clips_are_noted(tree, config):
    pairs = find_source(tree).pairs[:2]
    soundfile.write(pairs[1].audio, np.full(1_000, 0.1), 8_000)
    assert extract(Chunk(pairs, config.audio, 32)).padded == {pairs[1].id}


def test_silent_clips_are_dropped_on_request(tree, config):
    pairs = find_source(tree).pairs[:2]
    soundfile.write(pairs[0].audio, np.zeros(4_000), 8_000)
    assert extract(Chunk(pairs, config.audio, 32)).pairs == pairs
    result = extract(Chunk(pairs, config.audio, 32, drop_silent=True))
    assert result.pairs == pairs[1:]
    assert result.dropped == pairs[:1]
    assert result.skipped[0].why == "silent: -120 dB of full scale"


def test_spectrogram_images_stand_for_sound(tmp_path, tree):
    pair = find_source(tree).pairs[0]
    values = np.linspace(0, 1, 34)[:, None] * np.linspace(0.5, 1, 128)
    render_jet_image(values).save(tmp_path / "a.png")
    audio = AudioConfig(**REFERENCE_AUDIO)
    chunk = Chunk((replace(pair, audio=tmp_path / "a.png"),), audio, 32, spectrograms=True)
    result = extract(chunk)
    np.testing.assert_array_equal(result.log_mels, [read_jet_image(tmp_path / "a.png")])
    (quality,) = result.qualities
    assert np.isnan(quality.rms_db)
    assert not quality.silent
    assert not quality.noise_like
    gone = replace(chunk, pairs=(replace(pair, audio=tmp_path / "b.png"),))
    assert extract(gone).log_mels.shape == (0, 34, 128)


def test_what_was_put_right_in_a_sound_is_named(tree, config):
    pairs = find_source(tree).pairs[:2]
    tone = 0.3 * np.sin(np.arange(8_000) * 0.3)
    soundfile.write(pairs[1].audio, np.stack([tone, -tone], axis=1), 8_000)
    result = extract(Chunk(pairs, config.audio, 32))
    assert result.pairs == pairs
    (mended,) = result.mended
    assert mended.what == f"train/{pairs[1].id}"
    assert mended.why.startswith("its channels are opposite in sign")
