"""The sections of sounds, pictures and data sets."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from cargan_tf.config.section import Positive, Section, Share, setting

#: Hz; between telephones and studios.
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4_000, 192_000


class AudioConfig(Section):
    """From a sound file to a log-mel spectrogram (Sec. 2.5, "LMS")."""

    sample_rate: int = setting(
        44_100, "Hz; the rate of Sub-URMP's clips", ge=MIN_SAMPLE_RATE, le=MAX_SAMPLE_RATE
    )
    clip_seconds: float = setting(0.5, "seconds of one clip (Sec. 3)", ge=0.05, le=30)
    n_fft: Positive = setting(2048, "samples of one analysis window; librosa's default")
    hop_length: Positive = setting(512, "samples between windows; librosa's default")
    n_mels: int = setting(128, "mel bands, Slaney's scale; librosa's default", ge=4, le=512)
    f_min: float = setting(0.0, "Hz, lower edge of the lowest band", ge=0)
    f_max: float | None = setting(None, "Hz, upper edge of the highest band; half the rate if null")
    floor_db: float = setting(-100.0, "dB; power below it counts as it (librosa's amin)", le=0)
    log_mel_scale: Literal["decibels", "clip"] = setting(
        "decibels", "'clip' scales each clip to 0..1 by its own range, as in the authors' PNGs"
    )
    clip_spreads: float = setting(
        2.5, "standard deviations of a mel band that reach the ends of [-1, 1]", gt=0
    )
    silence_rms_db: float = setting(
        -50.0, "dB of full scale; a clip below it is silent (Sec. 3, failure cases)", le=0
    )
    noise_flatness: Share = setting(
        0.2,
        "spectral flatness within octaves above which a clip is noise-like; white noise has 0.56,"
        " notes stay below 0.2",
    )

    @property
    def clip_samples(self) -> int:
        """Samples of one clip."""
        return round(self.clip_seconds * self.sample_rate)

    @property
    def frames(self) -> int:
        """Frames of one clip's log-mel: windows are centred, the ends padded with zeros."""
        return 1 + self.clip_samples // self.hop_length

    @model_validator(mode="after")
    def _bands_fit(self) -> AudioConfig:
        if self.n_fft % 2:
            raise ValueError(f"n_fft must be even, received {self.n_fft}")
        top = self.f_max if self.f_max is not None else self.sample_rate / 2
        if not self.f_min < top <= self.sample_rate / 2:
            raise ValueError(
                f"f_min {self.f_min} < f_max {top} <= sample_rate / 2 = {self.sample_rate / 2}"
                " must hold"
            )
        return self


class DataConfig(Section):
    """Pictures, shards and batches."""

    image_size: int = setting(
        256, "pixels a side (Sec. 3: 256×256); a power of two", ge=32, le=1024
    )
    records_per_shard: Positive = setting(512, "pairs in one TFRecord file")
    cache: bool = setting(True, "keep the records in memory after the first epoch")
    shuffle_buffer: Positive = setting(20_000, "records; at least the split for an even shuffle")
    freq_mask: int = setting(0, "mel bands SpecAugment hides at most; 0 is off", ge=0)
    time_mask: int = setting(0, "frames SpecAugment hides at most; 0 is off", ge=0)
    shuffle_sounds: bool = setting(
        False,
        "train with the sounds exchanged within each class: a control, deaf by design, that shows"
        " which metrics can be fooled",
    )
    drop_silent: bool = setting(False, "leave silent clips out (Sec. 3, failure cases)")
    validation_share: Share = setting(0.1, "of a class's recordings, where the data has no splits")
    test_share: Share = setting(0.1, "likewise")
    split_seed: int = setting(0, "of the choice of those recordings", ge=0, lt=2**31)

    @model_validator(mode="after")
    def _power_of_two(self) -> DataConfig:
        if self.image_size & (self.image_size - 1):
            raise ValueError(f"image_size must be a power of two, received {self.image_size}")
        return self

    @model_validator(mode="after")
    def _something_to_train_on(self) -> DataConfig:
        held_out = self.validation_share + self.test_share
        if held_out >= 1:
            raise ValueError(
                f"validation_share + test_share must be less than 1, received {held_out}"
            )
        return self
