"""Configuration sections of audio, data, losses, training and monitoring, and their base class."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cargan_tf.errors import is_line

#: Characters of a name, a path or a note in a description.
MAX_TEXT: Final = 10_000


def _one_line(text: str) -> str:
    if not is_line(text, MAX_TEXT):
        raise ValueError(f"expected one printable line of at most {MAX_TEXT:,} characters")
    return text


#: What a terminal shows as one line: several commands print it.
Line = Annotated[str, AfterValidator(_one_line)]
#: Of every number without a bound of its own: two billion steps are decades of training.
MAX_NUMBER: Final = 2**31 - 1
Positive = Annotated[int, Field(gt=0)]
#: Examples that are computed with at once.
BatchSize = Annotated[int, Field(gt=0, le=65_536)]
Weight = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


#: Hz; from telephone to studio.
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4_000, 192_000
#: Samples: a third of a second at the highest rate.
MAX_WINDOW = 65_536
#: Values of a clip's spectrum, frames times frequencies: of 30 s at 192 kHz with windows of 2,048
#: samples and steps of 512 it is a sixth.
MAX_SPECTRUM: Final = 2**26


class Section(BaseModel):
    """A group of settings: immutable, and unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _switches_only_for_switches(cls, value: Any, info: ValidationInfo) -> Any:
        # pydantic would accept true as 1, and YAML reads yes, no, on and off as booleans.
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("it is not a switch; yes, no, on, off, true and false are not allowed")
        return value

    @field_validator("*")
    @classmethod
    def _no_absurd_number(cls, value: Any) -> Any:
        if isinstance(value, int) and value > MAX_NUMBER:
            raise ValueError(f"Input should be less than or equal to {MAX_NUMBER}")
        return value


def setting(default: Any, why: str, **bounds: Any) -> Any:
    """A field with its default, and a description that says why."""
    return Field(default, description=why, **bounds)


class AudioConfig(Section):
    """From a sound file to a log-mel spectrogram (Sec. 2.5, "LMS")."""

    sample_rate: int = setting(
        44_100, "Hz; the rate of Sub-URMP's clips", ge=MIN_SAMPLE_RATE, le=MAX_SAMPLE_RATE
    )
    clip_seconds: float = setting(0.5, "seconds of one clip (Sec. 3)", ge=0.05, le=30)
    n_fft: Positive = setting(
        2048, "samples of one analysis window; librosa's default", le=MAX_WINDOW
    )
    hop_length: Positive = setting(512, "samples between windows; librosa's default", le=MAX_WINDOW)
    n_mels: int = setting(128, "mel bands, Slaney's scale; librosa's default", ge=4, le=512)
    f_min: float = setting(0.0, "Hz, lower edge of the lowest band", ge=0)
    f_max: float | None = setting(None, "Hz, upper edge of the highest band; half the rate if null")
    floor_db: float = setting(
        -100.0, "dB; lower power is clipped to it (librosa's amin)", ge=-300, le=0
    )
    log_mel_scale: Literal["decibels", "clip"] = setting(
        "decibels", "'clip' scales each clip to 0..1 by its own range, as the authors' PNGs do"
    )
    clip_std: float = setting(
        2.5,
        "standard deviations of a mel band that map to ±1; values beyond are clipped",
        ge=1e-3,
        le=1e3,
    )
    silence_rms_db: float = setting(
        -50.0, "dB of full scale; a clip below it is silent (Sec. 3, failure cases)", le=0
    )
    noise_flatness: Fraction = setting(
        0.2,
        "spectral flatness within octaves above which a clip is noise-like; white noise: 0.56,"
        " notes: below 0.2",
    )

    @property
    def clip_samples(self) -> int:
        """Samples of one clip."""
        return round(self.clip_seconds * self.sample_rate)

    @property
    def frames(self) -> int:
        """Frames of one clip's log-mel: windows are centered, the ends padded with zeros."""
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
        if self.frames * (self.n_fft // 2 + 1) > MAX_SPECTRUM:
            raise ValueError(
                f"{self.frames:,} frames of n_fft {self.n_fft} need too much memory: hop_length"
                f" {self.hop_length} must be larger, or clip_seconds {self.clip_seconds} shorter"
            )
        return self


#: Least and greatest side of an image in pixels.
MIN_SIDE: Final = 32
MAX_SIDE: Final = 1024
#: Sides of images that are no squares are multiples of it: D halves them three times, and its
#: attention once more.
SIDE_STEP: Final = 16
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]


def parse_image_size(value: Any) -> Any:
    """``"144x256"`` and ``[144, 256]`` to a pair, a pair of equals to one number."""
    if isinstance(value, str):
        parts = value.lower().replace("×", "x").split("x")
        if all(part.strip().isdecimal() for part in parts):
            value = [int(part) for part in parts]
    sides = list(value) if isinstance(value, list | tuple) else [value]
    if len(sides) > 2 or not all(type(side) is int for side in sides) or not sides:
        raise ValueError(
            f"received {value!r}; expected a number, or height and width such as 144x256"
        )
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in sides):
        raise ValueError(f"image_size must be {MIN_SIDE} to {MAX_SIDE}, received {value}")
    if len(set(sides)) == 1:
        if sides[0] & (sides[0] - 1):
            raise ValueError(f"image_size must be a power of two, received {sides[0]}")
        return sides[0]
    if any(side % SIDE_STEP for side in sides):
        raise ValueError(
            f"image_size must be multiples of {SIDE_STEP}, received {sides[0]}x{sides[1]}"
        )
    return sides[0], sides[1]


class DataConfig(Section):
    """Images, shards and batches."""

    image_size: Annotated[Side | tuple[Side, Side], BeforeValidator(parse_image_size)] = setting(
        256,
        "pixels per side (Sec. 3: 256×256), a power of two; or height and width, such as 144x256 or"
        " [144, 256], multiples of 16",
    )
    image_fit: Literal["squeeze", "crop", "letterbox"] = setting(
        "squeeze",
        "photos of another shape are squeezed, as the authors' code does, cropped around their"
        " center, or letterboxed: black bars fill what they leave",
    )
    records_per_shard: Positive = setting(512, "pairs per TFRecord file", le=10**6)
    cache: bool = setting(True, "keep the records in memory after the first epoch")
    shuffle_buffer: Positive = setting(
        20_000, "records; at least the size of the split for a uniform shuffle", le=10**7
    )
    freq_mask: int = setting(0, "maximum mel bands that SpecAugment masks; 0 is off", ge=0, le=512)
    time_mask: int = setting(0, "maximum frames that SpecAugment masks; 0 is off", ge=0, le=10**6)
    balanced_classes: bool = setting(
        False,
        "draw each class equally often in training, however many pairs it has; needs data.cache",
    )
    frames_per_clip: int = setting(
        1,
        "photos for each clip of the training split, evenly spaced frames of a video; other sources"
        " have one image for a clip, validation and test keep one",
        ge=1,
        le=30,
    )
    shuffle_sounds: bool = setting(
        False,
        "shuffle sounds within each class during training: a control that cannot use the audio and"
        " shows which metrics do not notice",
    )
    drop_silent: bool = setting(False, "skip silent clips (Sec. 3, failure cases)")
    validation_fraction: Fraction = setting(
        0.1, "of a class's recordings, where the data has no splits"
    )
    test_fraction: Fraction = setting(0.1, "of a class's recordings, where the data has no splits")
    split_seed: int = setting(0, "random seed of that split", ge=0, lt=2**31)

    @property
    def side(self) -> int:
        """Of square images, in pixels; raises ``ValueError`` for others."""
        if not isinstance(self.image_size, int):
            raise ValueError(f"images of {self.image_size} are not square")
        return self.image_size

    @model_validator(mode="after")
    def _balanced_in_memory(self) -> DataConfig:
        if self.balanced_classes and not self.cache:
            raise ValueError(
                "balanced_classes needs cache: true, because a rare class's records are read out of"
                " order"
            )
        return self

    @model_validator(mode="after")
    def _something_to_train_on(self) -> DataConfig:
        held_out = self.validation_fraction + self.test_fraction
        if held_out >= 1:
            raise ValueError(
                f"validation_fraction + test_fraction must be less than 1, received {held_out}"
            )
        return self


Codec = Literal["mp3", "opus", "aac"]


class AugmentationConfig(Section):
    """Changes of the waveform in training: the same note in other rooms, through other devices.

    The loudness (RMS) of each clip stays, because the pose of the sample data shows it.
    """

    classifier_fraction: Fraction = setting(
        0.9, "of the sound classifier's training clips; the rest keep their original sound"
    )
    generator_fraction: Fraction = setting(
        0.0, "of the generators' training clips; the paper has none"
    )
    room_seconds: float = setting(
        1.0, "longest reverberation time (RT60), a hall's; 0 is off", ge=0, le=10
    )
    response_db: float = setting(
        6.0,
        "standard deviation per octave of a random frequency response, of microphones, loudspeakers"
        " and places in a room; 0 is off",
        ge=0,
        le=30,
    )
    lowest_cutoff_hz: float = setting(
        3_000.0,
        "lowest upper band limit: a telephone's is 3,400 Hz, of 8, 11 and 16 kHz recordings 4 to 8"
        " kHz; half the sample rate or more is off",
        gt=0,
    )
    noise_db: float = setting(
        -15.0, "loudest noise and hum relative to the clip; -100 or less is off", le=20
    )
    clipping: Fraction = setting(0.1, "of clips that are clipped, as by an overdriven input")
    detune_cents: float = setting(
        25.0,
        "largest change of pitch either way; 50 would change the key",
        ge=0,
        le=50,
    )
    envelope: Fraction = setting(0.4, "of clips whose note begins later or ends sooner")
    codecs: tuple[Codec, ...] = setting(
        ("mp3", "opus", "aac"),
        "lossy codecs at 24 to 96 kbit/s; [] is off",
    )
    codec_fraction: Fraction = setting(0.2, "of augmented clips that pass through a codec")


class LossConfig(Section):
    """The weights λ of Eq. 2 to 6 (values: Sec. 3, "Parameter Settings")."""

    classification: Weight = setting(1.0, "λ_c in Eq. 6")
    coarse_classification: Weight = setting(0.5, "λ_I' in Eq. 2")
    refined_classification: Weight = setting(0.5, "λ_I'' in Eq. 2")
    adversarial: Weight = setting(1.0, "λ_cGAN in Eq. 6")
    coarse_adversarial: Weight = setting(1.0, "λ_G1 in Eq. 5")
    refined_adversarial: Weight = setting(1.0, "λ_G2 in Eq. 5")
    l1: Weight = setting(100.0, "λ_L1 in Eq. 6, on both stages")
    real_pairs: Weight = setting(2.0, "of log D(A, I) in D's loss: both Eq. 3 and Eq. 4 have it")
    discriminator: Weight = setting(1.0, "of D's whole loss; 0.5 in the authors' code")
    double_softmax: bool = setting(
        False,
        "cross-entropy that takes C's softmax for logits, as in the authors' code; for parity only",
    )
    gan_loss: Literal["cross-entropy", "hinge"] = setting(
        "cross-entropy", "form of Eq. 3 and 4; 'hinge' has a margin of 1 (Lim and Ye 2017)"
    )
    gradient_penalty: Weight = setting(
        0.0, "γ of the R1 penalty on real images (Mescheder et al. 2018)"
    )
    gradient_penalty_steps: Positive = setting(
        16, "R1 is applied every N steps, N times as strong (StyleGAN2: Karras et al. 2020)"
    )
    feature_matching: Weight = setting(
        0.0,
        "of the L1 between D's features of generated and real pairs, within each adversarial term;"
        " pix2pixHD: 10 (Salimans et al. 2016, Wang et al. 2018)",
    )
    l2: Weight = setting(
        0.0,
        "of the squared error, on both stages (ours): where a limb may be in many positions, L1 is"
        " least when none is drawn, L2 at the mean of what is possible",
    )
    pose: Weight = setting(
        100.0, "of the squared error of the pitch and loudness that G1 reads, with model.pose"
    )
    perceptual: Weight = setting(
        0.0, "of the L1 between C's features of generated and real images (Johnson et al. 2016)"
    )


class TrainingConfig(Section):
    """Optimizer, length of training, and checkpoints (Sec. 2.5 and 3)."""

    epochs: Positive = setting(200, "over the training split (Sec. 3)")
    steps: int | None = setting(None, "total steps, instead of epochs", gt=0)
    batch_size: BatchSize = setting(64, "global batch: pairs per step over all devices (Sec. 3)")
    learning_rate: float = setting(8e-4, "Adam's (Sec. 3)", gt=0)
    discriminator_learning_rate: float | None = setting(
        None, "D's; learning_rate if null (two time-scale rates: Heusel et al. 2017)", gt=0
    )
    encoder_learning_rate: float | None = setting(
        None,
        "of the encoders of G1 and G2, for fine-tuning; learning_rate if null, 0 keeps them as they"
        " are",
        ge=0,
    )
    frozen_discriminator_blocks: int = setting(
        0,
        "first blocks of D that keep their initial weights, for fine-tuning (FreezeD: Mo et al."
        " 2020)",
        ge=0,
        le=4,
    )
    decay_epochs: int = setting(0, "further epochs of linear decay to 0", ge=0)
    adam_beta_1: float = setting(0.9, "Sec. 2.5", ge=0, lt=1)
    adam_beta_2: float = setting(0.999, "Sec. 2.5", ge=0, lt=1)
    adam_epsilon: float = setting(1e-8, "PyTorch's default, which the authors used", gt=0)
    ema_steps: int = setting(
        0,
        "time constant in steps of the EMA of the generators' weights, used to generate; 0 is off",
        ge=0,
    )
    order: Literal["generators first", "discriminator first"] = setting(
        "generators first", "order of a step's two halves (Sec. 2.5); authors' code: D first"
    )
    discriminator_augmentation: tuple[Literal["color", "translation", "cutout"], ...] = setting(
        (),
        "differentiable augmentation of all images that D sees, real and generated (Zhao et al."
        " 2020)",
    )
    precision: Literal["float32", "bfloat16", "float16"] = setting(
        "float32",
        "of convolutions and dense layers; the half-width types are faster on hardware that"
        " supports them (docs/explanation/performance.md). Weights, attention, losses and output"
        " layers stay float32; float16 uses loss scaling",
    )
    statistics: Literal["data", "initial"] = setting(
        "data",
        "mean and std by which spectrograms are standardized: the data set's, or with --init-from"
        " those that the initial weights were trained with",
    )
    compile: bool = setting(False, "compile the step with XLA; one device only")
    seed: int = setting(
        0, "random seed of weights, record order, dropout and augmentation", ge=0, lt=2**31
    )
    maximum_loss: float = setting(
        1e5,
        "a larger loss stops the run; the quickstart's largest is 74",
        gt=0,
        allow_inf_nan=False,
    )
    checkpoint_steps: Positive = setting(1000, "steps between checkpoints")
    keep_checkpoints: Positive = setting(3, "number of newest checkpoints kept")


class MonitorConfig(Section):
    """Logging and validation during training."""

    log_steps: Positive = setting(50, "steps between lines of stats.jsonl")
    grid_steps: Positive = setting(1000, "steps between image grids")
    validation_steps: Positive = setting(1000, "steps between validations")
    validation_clips: Positive = setting(520, "maximum held-out pairs for validation")
