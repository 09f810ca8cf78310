"""The configuration: one typed model and the ways in and out of it."""

from cargan_tf.config.loading import (
    config_from_json,
    config_hash,
    load_config,
    overlay,
    override,
    shipped_configs,
)
from cargan_tf.config.schema import (
    ClassifierConfig,
    CMCGANConfig,
    Config,
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
    TrainingConfig,
)

__all__ = [
    "AudioConfig",
    "AugmentationConfig",
    "CMCGANConfig",
    "ClassifierConfig",
    "Config",
    "DataConfig",
    "EvaluatorConfig",
    "LossConfig",
    "ModelConfig",
    "MonitorConfig",
    "S2ICConfig",
    "SoundClassifierConfig",
    "TrainingConfig",
    "config_from_json",
    "config_hash",
    "load_config",
    "overlay",
    "override",
    "shipped_configs",
]
