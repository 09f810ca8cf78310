from dataclasses import replace
from pathlib import Path

from cargan_tf.config import AudioConfig, Config
from cargan_tf.data.pairs import Source
from cargan_tf.data.reference_spectrograms import REFERENCE_AUDIO, audio_settings_for

SOURCE = Source((), (), Path("here"), "authors", spectrograms=True)


def test_images_bring_their_shape_and_scale():
    config = Config(audio=AudioConfig(clip_std=3.0))
    made, note = audio_settings_for(SOURCE, config)
    assert (made.audio.n_mels, made.audio.frames, made.audio.log_mel_scale) == (34, 128, "clip")
    assert made.audio.clip_std == 3.0
    assert made.data == config.data
    assert note.startswith("here holds spectrogram images, not sound: set audio.sample_rate")


def test_settings_that_fit_stay():
    config = Config(audio=AudioConfig(**{**REFERENCE_AUDIO, "n_fft": 1024}))
    assert audio_settings_for(SOURCE, config) == (config, "")


def test_sound_leaves_them_alone():
    config = Config()
    assert audio_settings_for(replace(SOURCE, spectrograms=False), config) == (config, "")
