"""The configuration: one typed model and the ways in and out of it."""

from cargan_tf.config.loading import (
    config_from_json,
    load_config,
    overlay,
    override,
    shipped_configs,
)
from cargan_tf.config.schema import (
    AudioConfig,
    ClassifierConfig,
    CMCGANConfig,
    Config,
    DataConfig,
    JudgeConfig,
    LossConfig,
    ModelConfig,
    MonitorConfig,
    S2ICConfig,
    TrainingConfig,
)

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
    "TrainingConfig",
    "config_from_json",
    "load_config",
    "overlay",
    "override",
    "shipped_configs",
]
