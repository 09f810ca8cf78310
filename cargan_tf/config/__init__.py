"""The configuration: one typed model and the ways in and out of it."""

from cargan_tf.config.baselines import CMCGANConfig, S2ICConfig
from cargan_tf.config.classifiers import ClassifierConfig, JudgeConfig, SoundClassifierConfig
from cargan_tf.config.loading import (
    config_from_json,
    load_config,
    overlay,
    override,
    shipped_configs,
)
from cargan_tf.config.material import AudioConfig, DataConfig
from cargan_tf.config.networks import ModelConfig
from cargan_tf.config.schema import Config
from cargan_tf.config.training import LossConfig, MonitorConfig, TrainingConfig

__all__ = [
    "AudioConfig",
    "CMCGANConfig",
    "ClassifierConfig",
    "Config",
    "DataConfig",
    "JudgeConfig",
    "LossConfig",
    "ModelConfig",
    "MonitorConfig",
    "S2ICConfig",
    "SoundClassifierConfig",
    "TrainingConfig",
    "config_from_json",
    "load_config",
    "overlay",
    "override",
    "shipped_configs",
]
