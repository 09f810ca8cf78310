"""The configuration schema: every hyperparameter once, with type, bounds, default and source.

The sections of the networks (CAR-GAN, the baselines of Table 2, the classifiers) and the whole;
``sections`` has those of data, losses and training.

The defaults are the paper's ("Sec." and "Eq." refer to it); YAML files in ``configs/`` state
only what differs.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator

from cargan_tf.config.sections import (
    AudioConfig,
    AugmentationConfig,
    BatchSize,
    DataConfig,
    Fraction,
    Line,
    LossConfig,
    MonitorConfig,
    Positive,
    Section,
    TrainingConfig,
    Weight,
    setting,
)
from cargan_tf.utils.arrays import ImageSize, height_width

#: Channels or features of a layer; the widest of published image generators have 2,048.
MAX_WIDTH: Final = 4_096
Width = Annotated[int, Field(gt=0, le=MAX_WIDTH)]
#: Of a stage of a ResNet; ResNet152 has 36.
MAX_BLOCKS: Final = 100
#: Techniques that the paper does not use, off by default; those that act on D first.
DISCRIMINATOR_OPTIONS = (
    "model.discriminator_norm",
    "loss.gan_loss",
    "loss.gradient_penalty",
    "loss.feature_matching",
    "training.discriminator_learning_rate",
    "training.discriminator_augmentation",
    "training.frozen_discriminator_blocks",
)
OPTIONS = (
    *DISCRIMINATOR_OPTIONS,
    "loss.perceptual",
    "loss.l2",
    "model.pose",
    "model.refined_generator_width",
    "model.max_width_multiplier",
    "model.generator_attentions",
    "model.coarse_dropped_skips",
    "training.encoder_learning_rate",
)


class ModelConfig(Section):
    """G1, G2 and D (Sec. 2.5; what the paper leaves open follows its authors' code).

    S2IC and CMCGAN use ``spectrogram`` and ``init_stddev`` from here; the rest is in their own
    sections.
    """

    kind: Literal["cargan", "s2ic", "cmcgan"] = setting(
        "cargan", "the model: the paper's, or a baseline of Table 2"
    )
    generator_width: Width = setting(64, "channels of the first convolution (pix2pix)")
    refined_generator_width: Width | None = setting(
        None, "the same for G2; generator_width if null"
    )
    max_width_multiplier: Width = setting(
        8,
        "maximum width of the generators' inner layers, as a multiple of the first (pix2pix: 8);"
        " with less, the outer layers, which render detail, can be wider at the same size",
    )
    coarse_dropped_skips: int = setting(
        0,
        "skip connections omitted from G1, outermost first: spectrogram and image are not spatially"
        " aligned, so outer skips leak spectrogram texture into the image",
        ge=0,
    )
    discriminator_width: Width = setting(
        64, "channels of D's first convolution (pix2pix; the paper does not say)"
    )
    discriminator_norm: Literal["batch", "spectral"] = setting(
        "batch", "batch norm (pix2pix) or spectral normalization (Miyato et al. 2018) in D"
    )
    spectrogram: Literal["log-mel", "jet"] = setting(
        "log-mel",
        "network input: one channel standardized per mel band (Sec. 2.5), or the authors' RGB image"
        " in jet colors",
    )
    attention: Literal["sagan", "authors", "none"] = setting(
        "sagan",
        "self-attention before the last two convolutions of G and D (Sec. 2.1, 2.5); 'authors'"
        " reproduces their code, including its scrambled reshape",
    )
    generator_attentions: Literal[1, 2] = setting(
        2,
        "attention layers of each generator; 1 omits the one on the larger map, which takes half of"
        " a step's time in narrow networks at 128 pixels",
    )
    stages: Literal[1, 2] = setting(2, "1 omits G2: I' is the result (Table 1, D)")
    residue: bool = setting(True, "G2's input includes the residue label L_r (Table 1, C: false)")
    players: int = setting(
        0,
        "players of each label as an input of G1 and G2 (ours), so that an image shows one of them"
        " even where the sound does not tell which; 0: no such input, as in the paper",
        ge=0,
        le=1000,
    )
    player_photo: bool = setting(
        False,
        "G1 and G2 see the player's median training photo and generate the difference from it"
        " (ours), so that they learn the movement rather than the looks; needs model.players",
    )
    warp: bool = setting(
        False,
        "both generators also move the photo's pixels by a flow field (ours), so that lines stay"
        " lines; the photo is then the training photo nearest to the median; needs player_photo",
    )
    pose: bool = setting(
        False,
        "G1 reads pitch and loudness of the clip, and both decoders draw by them, in training by"
        " the true ones (ours); for data that says the pitch and whose images follow it",
    )
    refine_sees_audio: bool = setting(
        False, "G2's input includes the spectrogram; Eq. 1 gives it I' and L_r only"
    )
    discriminator_label: Literal["none", "audio", "authors"] = setting(
        "none",
        "whether D's input includes the label; Eq. 3 and 4 use pairs [A, I]. 'authors': the residue"
        " in D's half of the step and the audio label in the generators'",
    )
    discriminator_tanh: bool = setting(
        False, "tanh on D's logits, as in the authors' code: weakens gradients 4 to 8 times"
    )
    encoder_bias: bool = setting(
        True, "biases in the generators' two encoder convolutions without a norm; authors: none"
    )
    dropout: float = setting(0.5, "rate in the generators' inner decoder (pix2pix)", ge=0, lt=1)
    init_stddev: float = setting(
        0.02, "std of initial weights; the paper's 0.2 is taken for a typo", gt=0
    )

    @property
    def spectrogram_channels(self) -> int:
        """Channels of the networks' spectrogram input."""
        return 3 if self.spectrogram == "jet" else 1

    @model_validator(mode="after")
    def _inner_layers_fit(self) -> ModelConfig:
        width = max(self.generator_width, self.refined_generator_width or 0)
        if width * self.max_width_multiplier > MAX_WIDTH:
            raise ValueError(
                f"generators of width {width} and max_width_multiplier"
                f" {self.max_width_multiplier} have inner layers of more than {MAX_WIDTH:,}"
                " channels"
            )
        return self


class S2ICConfig(Section):
    """S2IC, the first baseline of Table 2 (Chen et al. 2017); see docs/explanation/baselines.md."""

    encoder_width: Width = setting(64, "channels of the sound encoder's first convolution")
    generator_width: Width = setting(64, "channels before the generator's last layer (DCGAN: 64)")
    discriminator_width: Width = setting(64, "channels of the discriminator's first convolution")
    features: Width = setting(128, "sound features, trained on the instrument (S2IC's)")
    code: Width = setting(64, "features after the generator's and D's dense layer (S2IC's)")
    latent: Width = setting(10, "Gaussian numbers concatenated with the code (S2IC's)")
    generated: Weight = setting(0.5, "weight of log(1 - D(generated, sound)) in D's loss (S2IC's)")
    mismatched: Weight = setting(
        0.5, "weight of log(1 - D(real, mismatched sound)) in D's loss (S2IC's)"
    )


class CMCGANConfig(Section):
    """CMCGAN, the second baseline of Table 2 (Hao et al. 2018); see
    docs/explanation/baselines.md."""

    encoder_width: Width = setting(32, "channels of each encoder's first convolution (ours)")
    decoder_width: Width = setting(32, "channels before each decoder's last layer (ours)")
    discriminator_width: Width = setting(32, "channels of D's first convolutions (ours)")
    code: Width = setting(128, "features of an encoder's code (ours, S2IC's)")
    latent: Width = setting(10, "Gaussian numbers concatenated with the code (ours, S2IC's)")
    real_pairs: Weight = setting(
        2.0, "weight of log D(real pair) in D's loss: it answers both of D's questions"
    )
    generated: Weight = setting(
        0.5, "weight of each of the two pairs with a generated half in D's loss"
    )
    mismatched: Weight = setting(
        1.0, "weight of log(1 - D(real image, mismatched sound)) in D's loss"
    )
    cycle: Weight = setting(10.0, "weight of the L1 of the two cross-modal cycles (CycleGAN's λ)")
    reconstruction: Weight = setting(
        10.0, "weight of the L1 of A-to-A and V-to-V (ours, as for the cycles)"
    )


class ClassifierConfig(Section):
    """C, the image classifier that guides the generators (Sec. 2.3): ResNet50 and a dense layer."""

    blocks: tuple[Positive, Positive, Positive, Positive] = setting(
        (3, 4, 6, 3), "bottleneck blocks of the four stages; ResNet50's by default"
    )
    width: Positive = setting(64, "channels of the first convolution; ResNet50: 64", le=512)
    resnet_variant: Literal["keras", "torchvision"] = setting(
        "keras",
        "keras.applications strides in a block's first 1×1 convolution, torchvision in the 3×3 and"
        " without biases",
    )
    preprocessing: Literal["caffe", "torch", "none"] = setting(
        "caffe",
        "of images in [-1, 1]: what keras.applications' or torchvision's ImageNet weights expect,"
        " or none, as in the authors' code",
    )
    weights: Annotated[Line, Field(max_length=4_096)] = setting(
        "imagenet",
        "initial weights: 'imagenet' (downloaded by Keras), 'none', or a file: Keras weights, or"
        " with resnet_variant torchvision its resnet50 .pth",
    )
    epochs: Positive = setting(10, "epochs over the real photos")
    batch_size: BatchSize = setting(32, "photos per step")
    learning_rate: float = setting(1e-4, "Adam's, for a pre-trained network", gt=0)
    noise: Weight = setting(
        0.0,
        "maximum noise amplitude on photos in [-1, 1], which are then shifted, blurred and tinted"
        " too, so that C's gradient rewards shape instead of grain; 0 turns augmentation off",
    )
    minimum_accuracy: Fraction = setting(
        0.95, "on held-out photos; a less accurate classifier cannot guide the generators"
    )

    @field_validator("blocks")
    @classmethod
    def _few_blocks(cls, blocks: tuple[int, ...]) -> tuple[int, ...]:
        if max(blocks) > MAX_BLOCKS:
            raise ValueError(f"a stage must have at most {MAX_BLOCKS} blocks")
        return blocks


class SoundClassifierConfig(Section):
    """Recognizes the instrument where no label is given (ours; the paper has none)."""

    width: Width = setting(24, "channels of the first convolution")
    steps: Positive = setting(4000, "training steps")
    batch_size: BatchSize = setting(32, "clips per step")
    learning_rate: float = setting(2e-3, "maximum, AdamW's; cosine decay to 0", gt=0)


class EvaluatorConfig(Section):
    """The independent evaluators: EfficientNet-Lite0, fine-tuned on the data set's photos."""

    count: Positive = setting(
        3,
        "evaluators that differ in seed; accuracies are their mean and standard deviation",
        le=100,
    )
    input_size: int | None = setting(
        None, "input size in pixels; if null the image size within 96..224", ge=32, le=1024
    )
    steps: Positive = setting(300, "training steps; few suffice from ImageNet weights")
    batch_size: BatchSize = setting(32, "photos per step")
    learning_rate: float = setting(1e-3, "initial, Adam's; cosine decay to 0", gt=0)
    noise: Weight = setting(
        0.4, "maximum noise amplitude on photos in [-1, 1], so that it learns shape, not grain"
    )
    minimum_accuracy: Fraction = setting(
        0.9, "on held-out photos; a less accurate evaluator is refused"
    )

    def size_for(self, image_size: ImageSize) -> int:
        """Input size in pixels for photos of ``image_size``."""
        return self.input_size or min(max(*height_width(image_size), 96), 224)


class Config(Section):
    """All settings of a run."""

    name: str = setting("paper", "name of the configuration", min_length=1)
    audio: AudioConfig = AudioConfig()
    data: DataConfig = DataConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    model: ModelConfig = ModelConfig()
    classifier: ClassifierConfig = ClassifierConfig()
    sound_classifier: SoundClassifierConfig = SoundClassifierConfig()
    evaluator: EvaluatorConfig = EvaluatorConfig()
    loss: LossConfig = LossConfig()
    s2ic: S2ICConfig = S2ICConfig()
    cmcgan: CMCGANConfig = CMCGANConfig()
    training: TrainingConfig = TrainingConfig()
    monitor: MonitorConfig = MonitorConfig()

    @model_validator(mode="after")
    def _jet_needs_clip_scale(self) -> Config:
        if self.model.spectrogram == "jet" and self.audio.log_mel_scale != "clip":
            raise ValueError("model.spectrogram jet needs audio.log_mel_scale clip")
        return self

    @model_validator(mode="after")
    def _baselines_are_square(self) -> Config:
        if self.model.kind != "cargan" and not isinstance(self.data.image_size, int):
            raise ValueError(
                f"model.kind {self.model.kind} makes square images: set data.image_size to one"
                " number"
            )
        return self

    @model_validator(mode="after")
    def _photos_of_known_players(self) -> Config:
        if self.model.player_photo and self.model.kind != "cargan":
            raise ValueError(f"model.kind {self.model.kind} does not support model.player_photo")
        if self.model.player_photo and not self.model.players:
            raise ValueError(
                "model.player_photo is the photo of a player: set model.players to the number of"
                " players of a label"
            )
        return self

    @model_validator(mode="after")
    def _a_photo_is_warped(self) -> Config:
        if self.model.warp and not self.model.player_photo:
            raise ValueError("model.warp moves the player's photo: set model.player_photo to true")
        return self

    @model_validator(mode="after")
    def _pose_is_learned(self) -> Config:
        if self.model.pose and not self.loss.pose:
            raise ValueError("model.pose draws what G1 reads: loss.pose must be more than 0")
        return self

    @model_validator(mode="after")
    def _one_sound_a_pair(self) -> Config:
        if self.data.shuffle_sounds and self.augmentation.generator_fraction:
            raise ValueError(
                "data.shuffle_sounds takes another clip's sound as it is stored: set"
                " augmentation.generator_fraction to 0"
            )
        return self

    @model_validator(mode="after")
    def _mismatched_pairs_need_a_batch(self) -> Config:
        if self.model.kind != "cargan" and self.training.batch_size < 2:
            raise ValueError(
                f"model.kind {self.model.kind} trains its discriminator on mismatched pairs of the"
                " batch, so training.batch_size must be 2 or more"
            )
        return self

    @model_validator(mode="after")
    def _options_have_an_effect(self) -> Config:
        """Refuse an option that would be ignored."""
        if self.model.kind != "cargan":
            self._refuse(OPTIONS, f"model.kind {self.model.kind} does not support it")
        loss = self.loss
        generator_weight = loss.coarse_adversarial
        if self.model.stages == 2:
            generator_weight += loss.refined_adversarial
        if not loss.adversarial * loss.discriminator * (loss.real_pairs + generator_weight):
            self._refuse(DISCRIMINATOR_OPTIONS, "with these loss weights D is not trained")
        if not generator_weight:
            reason = "with these loss weights the generators have no adversarial loss"
            self._refuse(("loss.feature_matching",), reason)
        if self.model.stages == 1:
            self._refuse(("model.refined_generator_width",), "with model.stages 1 there is no G2")
        return self

    @model_validator(mode="after")
    def _gradient_penalty_needs_range(self) -> Config:
        if self.loss.gradient_penalty and self.training.precision == "float16":
            raise ValueError(
                "loss.gradient_penalty needs training.precision float32 or bfloat16: gradients of"
                " single pixels underflow in float16"
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
    def _baselines_train_plainly(self) -> Config:
        fast = self.training.compile or self.training.precision != "float32"
        if fast and self.model.kind != "cargan":
            raise ValueError(
                f"model.kind {self.model.kind} supports only float32 and no training.compile"
            )
        return self

    @field_validator("name")
    @classmethod
    def _valid_folder_name(cls, name: str) -> str:
        if name in (".", "..") or not name.isprintable() or set(name) & set("/\\"):
            raise ValueError("runs and models are folders of that name, so it cannot be a path")
        return name
