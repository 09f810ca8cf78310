"""Bounds of settings, as somebody meets them who sets one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cargan_tf.config import Config, load_config, override
from cargan_tf.errors import UserError


@pytest.fixture(scope="session")
def check_bound() -> Callable[[str, str, str], None]:
    """``check_bound("audio.n_mels", "4", "3")``: the last value that fits, the first that does
    not; the refusal names the setting and what was received."""

    def check(setting: str, last: str, beyond: str) -> None:
        override(Config(), [f"{setting}={last}"])
        with pytest.raises(UserError) as refused:
            override(Config(), [f"{setting}={beyond}"])
        said = str(refused.value)
        assert f"{setting} = " in said
        assert "is invalid" in said
        assert beyond.strip("[]'\"") in said

    return check


@pytest.fixture(scope="session")
def check_default() -> Callable[[str, object, str], None]:
    """``check_default("loss.l1", 100, "Eq. 6")``: the value, and that it says where it is from."""

    def check(setting: str, value: object, source: str) -> None:
        section, name = setting.split(".")
        values = getattr(Config(), section)
        assert getattr(values, name) == value
        assert source in type(values).model_fields[name].description

    return check


def tiny_benchmark_config() -> Config:
    """Settings of a benchmark that is made and scored in seconds."""
    return override(
        load_config("players-128"),
        [
            "audio={sample_rate: 8000, n_fft: 256, hop_length: 125, n_mels: 16}",
            "data.image_size=32",
            "evaluator={count: 2, input_size: 32, steps: 4, batch_size: 4, minimum_accuracy: 0}",
        ],
    )
