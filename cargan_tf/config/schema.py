"""Every hyper-parameter, once: its type, its bounds, its default and where the default is from.

The defaults are the paper's ("Sec." and "Eq." name its parts); a YAML file under ``configs/``
states only what differs from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

Positive = Annotated[int, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A group of settings: unknown keys are refused, values cannot be changed after checking."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _switches_only_for_switches(cls, value: Any, info: ValidationInfo) -> Any:
        # pydantic would read true as the number 1, and YAML reads yes, no, on and off as truth.
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("it is not a switch; yes, no, on, off, true and false do not fit")
        return value


def _field(default: Any, why: str, **bounds: Any) -> Any:
    return Field(default, description=why, **bounds)


class AudioConfig(Section):
    """From a sound file to a log-mel spectrogram (Sec. 2.5, "LMS")."""

    sample_rate: int = _field(44_100, "Hz; the rate of Sub-URMP's clips", ge=4_000, le=192_000)
    clip_seconds: float = _field(0.5, "seconds of one clip (Sec. 3)", ge=0.05, le=30)
    n_fft: Positive = _field(2048, "samples of one analysis window; librosa's default")
    hop_length: Positive = _field(512, "samples between windows; librosa's default")
    n_mels: int = _field(128, "mel bands, Slaney's scale; librosa's default", ge=4, le=512)
    f_min: float = _field(0.0, "Hz, lower edge of the lowest band", ge=0)
    f_max: float | None = _field(None, "Hz, upper edge of the highest band; half the rate if null")
    floor_db: float = _field(-100.0, "dB; power below it counts as it (librosa's amin)", le=0)
    log_mel_scale: Literal["decibels", "clip"] = _field(
        "decibels", "'clip' scales each clip to 0..1 by its own range, as in the authors' PNGs"
    )
    clip_spreads: float = _field(
        2.5, "standard deviations of a mel band that reach the ends of [-1, 1]", gt=0
    )
    silence_rms_db: float = _field(
        -50.0, "dB of full scale; a clip below it is silent (Sec. 3, failure cases)", le=0
    )
    noise_flatness: Share = _field(
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

    image_size: int = _field(256, "pixels a side (Sec. 3: 256×256); a power of two", ge=32, le=1024)
    records_per_shard: Positive = _field(512, "pairs in one TFRecord file")
    cache: bool = _field(True, "keep the records in memory after the first epoch")
    shuffle_buffer: Positive = _field(20_000, "records; at least the split for an even shuffle")
    freq_mask: int = _field(0, "mel bands SpecAugment hides at most; 0 is off", ge=0)
    time_mask: int = _field(0, "frames SpecAugment hides at most; 0 is off", ge=0)
    shuffle_sounds: bool = _field(
        False,
        "train with the sounds exchanged within each class: a control, deaf by design, that shows"
        " which metrics can be fooled",
    )
    drop_silent: bool = _field(False, "leave silent clips out (Sec. 3, failure cases)")
    validation_share: Share = _field(0.1, "of a class's recordings, where the data has no splits")
    test_share: Share = _field(0.1, "likewise")
    split_seed: int = _field(0, "of the choice of those recordings", ge=0, lt=2**31)

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


class ModelConfig(Section):
    """G1, G2 and D (Sec. 2.5; what the paper leaves open follows its authors' code).

    S2IC and CMCGAN take ``spectrogram`` and ``init_stddev`` from here, the rest from sections of
    their own.
    """

    kind: Literal["cargan", "s2ic", "cmcgan"] = _field(
        "cargan", "which system draws: the paper's, or one that Table 2 compares it with"
    )
    generator_width: Positive = _field(64, "channels after the first convolution (pix2pix)")
    refined_generator_width: Positive | None = _field(
        None, "that of G2 where it is another; a larger residual stage"
    )
    generator_widest: Positive = _field(
        8,
        "times the first width that the generators' inner layers have at most (pix2pix); with less,"
        " the outer ones, which draw the detail, can be wider at the same size",
    )
    coarse_skips_left_out: int = _field(
        0,
        "how many of G1's skip connections are left out, the outermost first: a spectrogram and a"
        " picture have no places in common, so its lines come through to the picture as grain",
        ge=0,
    )
    discriminator_width: Positive = _field(64, "the same in D (pix2pix; the paper is silent)")
    discriminator_norm: Literal["batch", "spectral"] = _field(
        "batch",
        "of D's convolutions: pix2pix's batch norm, or each kernel divided by its greatest singular"
        " value instead (Miyato et al. 2018)",
    )
    spectrogram: Literal["log-mel", "jet"] = _field(
        "log-mel",
        "what stands for the sound: one channel, standardised per band (Sec. 2.5), or the authors'"
        " picture of it in the jet colours, three channels",
    )
    attention: Literal["sagan", "authors", "none"] = _field(
        "sagan",
        "self-attention before the last two convolutions of G and D (Sec. 2.1, 2.5); 'authors' is"
        " their code's, scramble included",
    )
    generator_attentions: Literal[1, 2] = _field(
        2,
        "how many of them G1 and G2 have each; 1 leaves out that of the larger map, half the"
        " time of a step of narrow networks at 128 pixels",
    )
    stages: Literal[1, 2] = _field(2, "1 leaves G2 out: I' is the picture (Table 1, D)")
    residue: bool = _field(True, "G2 sees the residue label L_r; without, I' alone (Table 1, C)")
    refine_sees_audio: bool = _field(False, "G2 also sees the sound; Eq. 1 gives it I' and L_r")
    discriminator_label: Literal["none", "audio", "authors"] = _field(
        "none",
        "whether D also sees the label; Eq. 3 and 4 judge pairs [A, I]. 'authors' shows it the"
        " residue in its own half of the step and the audio label in the generators'",
    )
    discriminator_tanh: bool = _field(
        False, "squeeze D's logits into [-1, 1]: their code's, gradients are 4 to 8 times weaker"
    )
    encoder_bias: bool = _field(
        True, "a bias in the generators' two convolutions down that no norm follows; theirs: none"
    )
    dropout: float = _field(0.5, "in the generators' inner decoder (pix2pix)", ge=0, lt=1)
    init_stddev: float = _field(
        0.02, "of the weights at the start; the paper's 0.2 is read as a slip of the pen", gt=0
    )

    @property
    def spectrogram_channels(self) -> int:
        """Channels of what the networks see of the sound."""
        return 3 if self.spectrogram == "jet" else 1


class ClassifierConfig(Section):
    """C, the judge of what a picture shows (Sec. 2.3): ResNet50 and one dense layer."""

    blocks: tuple[Positive, Positive, Positive, Positive] = _field(
        (3, 4, 6, 3), "bottleneck blocks of the four stages; ResNet50 by default"
    )
    width: Positive = _field(64, "channels of the first convolution; 64 in ResNet50")
    flavour: Literal["keras", "torchvision"] = _field(
        "keras",
        "whose ResNet: keras.applications' strides in the first 1×1 convolution of a block,"
        " torchvision's in the 3×3 and has no biases",
    )
    preprocessing: Literal["caffe", "torch", "none"] = _field(
        "caffe",
        "of pictures in [-1, 1]: what keras.applications' or torchvision's ImageNet weights want,"
        " or nothing, as in the authors' code",
    )
    weights: str = _field(
        "imagenet",
        "start: 'imagenet' (downloaded by Keras), 'none', or a file: Keras weights, or with flavour"
        " torchvision its resnet50 .pth",
    )
    epochs: Positive = _field(10, "of training on real photos")
    batch_size: Positive = _field(32, "photos a step")
    learning_rate: float = _field(1e-4, "Adam's, for a pre-trained network", gt=0)
    noise: Weight = _field(
        0.0,
        "greatest spread of the noise on a photo, in [-1, 1], which is then shifted, blurred and"
        " tinted too, as the judge's are: C's slope asks for shapes, not for grain; 0 is off",
    )
    minimum_accuracy: Share = _field(
        0.95, "on held-out photos; a classifier under it cannot guide the generators"
    )


class SoundClassifierConfig(Section):
    """What recognises the instrument where no label is given; ours, the paper has none."""

    width: Positive = _field(16, "channels after the first convolution")
    steps: Positive = _field(
        500, "of training; so many rather than epochs, so that it takes seconds on any data set"
    )
    batch_size: Positive = _field(32, "sounds a step")
    learning_rate: float = _field(1e-2, "Adam's, falling to 0; the best of three tried", gt=0)


class JudgeConfig(Section):
    """The independent judge: EfficientNet-Lite0, fine-tuned on the data's photos."""

    input_size: int | None = _field(
        None, "pixels a side it looks at; the pictures' own within 96..224 if null", ge=32, le=1024
    )
    steps: Positive = _field(300, "of training; with ImageNet's weights to start from, few do")
    batch_size: Positive = _field(32, "photos a step")
    learning_rate: float = _field(1e-3, "Adam's at the start; it falls to 0 along a cosine", gt=0)
    noise: Weight = _field(
        0.4, "greatest spread of the noise on a photo, in [-1, 1]: what is shown counts, not grain"
    )
    minimum_accuracy: Share = _field(
        0.9, "on held-out photos; a judge under it is not asked about generated ones"
    )

    def size_for(self, image_size: int) -> int:
        """Pixels a side of the judge's input for photos of ``image_size``."""
        return self.input_size or min(max(image_size, 96), 224)


class LossConfig(Section):
    """The weights λ of Eq. 2 to 6 (values: Sec. 3, "Parameter Settings")."""

    classification: Weight = _field(1.0, "λ_c in Eq. 6")
    coarse_classification: Weight = _field(0.5, "λ_I' in Eq. 2")
    refined_classification: Weight = _field(0.5, "λ_I'' in Eq. 2")
    adversarial: Weight = _field(1.0, "λ_cGAN in Eq. 6")
    coarse_adversarial: Weight = _field(1.0, "λ_G1 in Eq. 5")
    refined_adversarial: Weight = _field(1.0, "λ_G2 in Eq. 5")
    l1: Weight = _field(100.0, "λ_L1 in Eq. 6, on both stages")
    real_pairs: Weight = _field(2.0, "of log D(A, I) in D's loss: it stands in Eq. 3 and in Eq. 4")
    discriminator: Weight = _field(1.0, "of D's whole loss; 0.5 in the authors' code")
    double_softmax: bool = _field(
        False,
        "cross-entropy of C's softmax as if it were logits: the authors' code, for parity only",
    )
    adversarial_form: Literal["cross-entropy", "hinge"] = _field(
        "cross-entropy", "of Eq. 3 and 4; 'hinge' stops at a margin of 1 (Lim and Ye 2017)"
    )
    gradient_penalty: Weight = _field(
        0.0, "γ of R1, half the squared slope of D at real pictures (Mescheder et al. 2018)"
    )
    gradient_penalty_steps: Positive = _field(
        16, "R1 is taken once in so many steps, and counts as often (StyleGAN2: Karras et al. 2020)"
    )
    feature_matching: Weight = _field(
        0.0,
        "of the L1 between D's features of drawn and real pairs, within each adversarial term;"
        " pix2pixHD's is 10 (Salimans et al. 2016, Wang et al. 2018)",
    )
    perceptual: Weight = _field(
        0.0, "of the L1 between C's features of drawn and real pictures (Johnson et al. 2016)"
    )


class S2ICConfig(Section):
    """S2IC, Table 2's first (Chen et al. 2017); ``docs/baselines.md`` says what is whose."""

    encoder_width: Positive = _field(64, "channels after the sound encoder's first convolution")
    generator_width: Positive = _field(64, "channels before the generator's last one (DCGAN's 64)")
    discriminator_width: Positive = _field(64, "channels after the discriminator's first one")
    features: Positive = _field(128, "of the sound, from which its instrument is told (theirs)")
    code: Positive = _field(64, "what generator and discriminator make of the features (theirs)")
    latent: Positive = _field(10, "Gaussian numbers beside the code (theirs)")
    generated: Weight = _field(0.5, "of log(1 - D(generated, sound)) in D's loss (theirs)")
    mismatched: Weight = _field(0.5, "of log(1 - D(real, wrong sound)) in D's loss (theirs)")


class CMCGANConfig(Section):
    """CMCGAN, Table 2's second (Hao et al. 2018); ``docs/baselines.md`` says what is whose."""

    encoder_width: Positive = _field(32, "channels after an encoder's first convolution; ours")
    decoder_width: Positive = _field(32, "channels before a decoder's last one; ours")
    discriminator_width: Positive = _field(32, "channels after its first ones, a modality; ours")
    code: Positive = _field(128, "numbers of an encoder's code; ours, S2IC's")
    latent: Positive = _field(10, "Gaussian numbers beside the code; ours, S2IC's")
    real_pairs: Weight = _field(
        2.0, "of log D(real pair) in D's loss: both of D's questions, real and matching, have it"
    )
    generated: Weight = _field(0.5, "of each of the two pairs with a generated half in D's loss")
    mismatched: Weight = _field(1.0, "of log(1 - D(real picture, wrong real sound)) in D's loss")
    cycle: Weight = _field(10.0, "of the L1 of the two cross-modal cycles (CycleGAN's λ)")
    reconstruction: Weight = _field(10.0, "of the L1 of A-to-A and V-to-V; ours, the cycles'")


class TrainingConfig(Section):
    """The optimiser, how long it runs, and what is kept (Sec. 2.5 and 3)."""

    epochs: Positive = _field(200, "over the training split (Sec. 3)")
    steps: int | None = _field(None, "stop after so many steps instead of epochs", gt=0)
    batch_size: Positive = _field(64, "pairs a step over all devices (Sec. 3)")
    learning_rate: float = _field(8e-4, "Adam's (Sec. 3)", gt=0)
    discriminator_learning_rate: float | None = _field(
        None, "D's own, where it is another (two time-scale rates: Heusel et al. 2017)", gt=0
    )
    decay_epochs: int = _field(0, "further epochs in which the rate falls linearly to 0", ge=0)
    adam_beta_1: float = _field(0.9, "Sec. 2.5", ge=0, lt=1)
    adam_beta_2: float = _field(0.999, "Sec. 2.5", ge=0, lt=1)
    adam_epsilon: float = _field(1e-8, "PyTorch's default, which the authors used", gt=0)
    average_steps: int = _field(
        0,
        "over which the weights are averaged that draw (training goes on from the others); 0: none",
        ge=0,
    )
    order: Literal["generators first", "discriminator first"] = _field(
        "generators first", "of the two halves of a step (Sec. 2.5); D first in the authors' code"
    )
    discriminator_augmentation: tuple[Literal["colour", "translation", "cutout"], ...] = _field(
        (),
        "changes by chance of every picture that D sees, real or drawn, through which the"
        " generators learn (Zhao et al. 2020)",
    )
    precision: Literal["float32", "bfloat16", "float16"] = _field(
        "float32",
        "of the networks' products: the halves are faster on hardware that has them (docs/"
        "performance.md); weights, attention, losses and the last layers stay float32, and with"
        " float16 the loss is scaled",
    )
    compile: bool = _field(False, "the step by XLA; on one device only")
    seed: int = _field(0, "of weights, order, dropout and augmentation", ge=0, lt=2**31)
    maximum_loss: float = _field(
        1e5,
        "a loss above it has exploded and stops the run; the quickstart's largest is 74",
        gt=0,
        allow_inf_nan=False,
    )
    checkpoint_steps: Positive = _field(1000, "steps between checkpoints")
    keep_checkpoints: Positive = _field(3, "the newest so many stay on the disk")


class MonitorConfig(Section):
    """What is written down during training."""

    log_steps: Positive = _field(50, "steps between lines of stats.jsonl")
    picture_steps: Positive = _field(1000, "steps between picture grids")
    listening_steps: Positive = _field(1000, "steps between listening figures")
    listening_clips: Positive = _field(520, "held-out pairs they are measured on, at most")


#: What the field has learned since 2019; their defaults leave them off. Those that act on D first.
OPTIONS_OF_D = (
    "model.discriminator_norm",
    "loss.adversarial_form",
    "loss.gradient_penalty",
    "loss.feature_matching",
    "training.discriminator_learning_rate",
    "training.discriminator_augmentation",
)
OPTIONS = (
    *OPTIONS_OF_D,
    "loss.perceptual",
    "model.refined_generator_width",
    "model.generator_widest",
    "model.generator_attentions",
    "model.coarse_skips_left_out",
)


class Config(Section):
    """Everything a run is made from."""

    name: str = _field("paper", "of the configuration", min_length=1)
    audio: AudioConfig = AudioConfig()
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    classifier: ClassifierConfig = ClassifierConfig()
    sound_classifier: SoundClassifierConfig = SoundClassifierConfig()
    judge: JudgeConfig = JudgeConfig()
    loss: LossConfig = LossConfig()
    s2ic: S2ICConfig = S2ICConfig()
    cmcgan: CMCGANConfig = CMCGANConfig()
    training: TrainingConfig = TrainingConfig()
    monitor: MonitorConfig = MonitorConfig()

    @model_validator(mode="after")
    def _jet_is_of_one_clip(self) -> Config:
        if self.model.spectrogram == "jet" and self.audio.log_mel_scale != "clip":
            raise ValueError("model.spectrogram jet needs audio.log_mel_scale clip")
        return self

    @model_validator(mode="after")
    def _wrong_sounds_are_in_the_batch(self) -> Config:
        if self.model.kind != "cargan" and self.training.batch_size < 2:
            raise ValueError(
                f"model.kind {self.model.kind} shows its discriminator a picture with another"
                " pair's sound, so training.batch_size must be 2 or more"
            )
        return self

    @model_validator(mode="after")
    def _options_act(self) -> Config:
        """An option that nothing would read is a mistake, and must not be passed over."""
        if self.model.kind != "cargan":
            self._refuse(OPTIONS, f"model.kind {self.model.kind} does not know it")
        loss = self.loss
        judged = loss.real_pairs + loss.coarse_adversarial + loss.refined_adversarial
        if not loss.adversarial * loss.discriminator * judged:
            self._refuse(OPTIONS_OF_D, "by the weights under loss D is not trained")
        if self.model.stages == 1:
            self._refuse(("model.refined_generator_width",), "with model.stages 1 there is no G2")
        return self

    @model_validator(mode="after")
    def _slopes_of_slopes_are_not_halves(self) -> Config:
        if self.loss.gradient_penalty and self.training.precision == "float16":
            raise ValueError(
                "loss.gradient_penalty needs training.precision float32 or bfloat16: slopes at"
                " single pixels are too small for float16"
            )
        return self

    def _refuse(self, options: tuple[str, ...], reason: str) -> None:
        for option in options:
            section, name = option.split(".")
            values = getattr(self, section)
            value, default = getattr(values, name), type(values).model_fields[name].default
            if value != default:
                raise ValueError(f"{option} is {value!r}, but {reason}; leave it at {default!r}")

    @model_validator(mode="after")
    def _fast_ways_are_the_cascades(self) -> Config:
        fast = self.training.compile or self.training.precision != "float32"
        if fast and self.model.kind != "cargan":
            raise ValueError(
                f"model.kind {self.model.kind} trains in float32 and without training.compile"
            )
        return self

    @field_validator("name")
    @classmethod
    def _name_of_a_folder(cls, name: str) -> str:
        if name in (".", "..") or not name.isprintable() or set(name) & set("/\\"):
            raise ValueError("runs and models are folders of that name; a path cannot be one")
        return name
