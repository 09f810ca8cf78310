"""The configuration: one typed model and the ways in and out of it."""

from cargan_tf.config.loading import config_from_json, load_config, override, shipped_configs
from cargan_tf.config.schema import (
    AudioConfig,
    ClassifierConfig,
    Config,
    DataConfig,
    LossConfig,
    ModelConfig,
    MonitorConfig,
    SoundClassifierConfig,
    TrainingConfig,
)

__all__ = [
    "AudioConfig",
    "ClassifierConfig",
    "Config",
    "DataConfig",
    "LossConfig",
    "ModelConfig",
    "MonitorConfig",
    "SoundClassifierConfig",
    "TrainingConfig",
    "config_from_json",
    "load_config",
    "override",
    "shipped_configs",
]
