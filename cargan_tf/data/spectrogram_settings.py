"""The sound settings of a data set that is made from spectrogram pictures."""

from __future__ import annotations

from typing import Any, Final

from cargan_tf.config import AudioConfig, Config
from cargan_tf.data.jet import FRAMES, N_MELS
from cargan_tf.data.pairs import Source

#: What a log-mel must be like to stand beside the authors' pictures. Bands, frames and scale are
#: read off the pictures; how the sound was analysed nobody says. The window is short, as single
#: pulses of a bassoon's reed are seen in them (30 or so in half a second); the hop gives 128
#: frames at the rate of Sub-URMP's clips.
AUTHORS_AUDIO: Final[dict[str, Any]] = {
    "sample_rate": 44_100,
    "clip_seconds": 0.5,
    "n_fft": 512,
    "hop_length": 173,
    "n_mels": N_MELS,
    "log_mel_scale": "clip",
}


def settings_for(source: Source, config: Config) -> tuple[Config, str]:
    """``config`` as it can be used with ``source``, and a line on what had to change, else ``""``.

    Pictures hold a log-mel that was computed before: bands, frames and scale are theirs.
    """
    if not source.spectrograms or _holds_pictures(config.audio):
        return config, ""
    audio = AudioConfig(**{**config.audio.model_dump(), **AUTHORS_AUDIO})
    changed = ", ".join(f"audio.{name} = {value}" for name, value in AUTHORS_AUDIO.items())
    note = f"{source.root} holds spectrogram pictures, not sound: set {changed}"
    return config.model_copy(update={"audio": audio}), note


def _holds_pictures(audio: AudioConfig) -> bool:
    shape = (audio.n_mels, audio.frames, audio.log_mel_scale)
    return shape == (N_MELS, FRAMES, "clip")
