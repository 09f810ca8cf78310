"""Every hyper-parameter, once: its type, its bounds, its default and where the default is from.

The defaults are the paper's ("Sec." and "Eq." name its parts); a YAML file under ``configs/``
states only what differs from them.
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
    DataConfig,
    LossConfig,
    MonitorConfig,
    Section,
    TrainingConfig,
    setting,
)

#: What the field has learned since 2019; their defaults leave them off. Those that act on D first.
OPTIONS_OF_D = (
    "model.discriminator_norm",
    "loss.gan_loss",
    "loss.gradient_penalty",
    "loss.feature_matching",
    "training.discriminator_learning_rate",
    "training.discriminator_augmentation",
)
OPTIONS = (
    *OPTIONS_OF_D,
    "loss.perceptual",
    "model.refined_generator_width",
    "model.max_width_multiplier",
    "model.generator_attentions",
    "model.coarse_dropped_skips",
)


class Config(Section):
    """Everything a run is made from."""

    name: str = setting("paper", "of the configuration", min_length=1)
    audio: AudioConfig = AudioConfig()
    data: DataConfig = DataConfig()
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
    def _jet_is_of_one_clip(self) -> Config:
        if self.model.spectrogram == "jet" and self.audio.log_mel_scale != "clip":
            raise ValueError("model.spectrogram jet needs audio.log_mel_scale clip")
        return self

    @model_validator(mode="after")
    def _wrong_sounds_are_in_the_batch(self) -> Config:
        if self.model.kind != "cargan" and self.training.batch_size < 2:
            raise ValueError(
                f"model.kind {self.model.kind} shows its discriminator an image with another"
                " pair's sound, so training.batch_size must be 2 or more"
            )
        return self

    @model_validator(mode="after")
    def _options_act(self) -> Config:
        """An option that nothing would read is a mistake, and must not be passed over."""
        if self.model.kind != "cargan":
            self._refuse(OPTIONS, f"model.kind {self.model.kind} does not know it")
        loss = self.loss
        asked = loss.coarse_adversarial
        if self.model.stages == 2:
            asked += loss.refined_adversarial
        if not loss.adversarial * loss.discriminator * (loss.real_pairs + asked):
            self._refuse(OPTIONS_OF_D, "by the weights under loss D is not trained")
        if not asked:
            reason = "by the weights under loss the generators do not ask D"
            self._refuse(("loss.feature_matching",), reason)
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
