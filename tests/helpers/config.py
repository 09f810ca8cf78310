"""Bounds of settings, as somebody meets them who sets one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cargan_tf.config import Config, override
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
