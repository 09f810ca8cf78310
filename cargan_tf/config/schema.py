"""The configuration schema: every hyperparameter once, with type, bounds, default and source.

The defaults are the paper's ("Sec." and "Eq." refer to it); YAML files in ``configs/`` state
only what differs.
"""

from __future__ import annotations

from pydantic import field_validator, model_validator

from cargan_tf.config.model_sections import (
    ClassifierConfig,
    CMCGANConfig,
    EvaluatorConfig,
    ModelConfig,
    S2ICConfig,
    SoundClassifierConfig,
)
from cargan_tf.config.sections import (
    AudioConfig,
    AugmentationConfig,
    DataConfig,
    LossConfig,
    MonitorConfig,
    Section,
    TrainingConfig,
    setting,
)

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
    "model.refined_generator_width",
    "model.max_width_multiplier",
    "model.generator_attentions",
    "model.coarse_dropped_skips",
    "training.encoder_learning_rate",
)


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
