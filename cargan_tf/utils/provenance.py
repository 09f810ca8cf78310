"""What work depends on beside its input: versions, devices and the seed, for logs and run files."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: Packages whose versions can change what is made.
PACKAGES = ("cargan-tf", "tensorflow", "keras", "numpy", "librosa", "soxr")


def provenance(seed: int | None, devices: Sequence[str] | None = None) -> dict[str, Any]:
    """Versions, devices and seed, as JSON takes them.

    Args:
        seed: of the configuration; ``None`` where nothing is drawn by chance.
        devices: those at work; all that TensorFlow has by default, which starts them.
    """
    if devices is None:
        import tensorflow as tf

        devices = [device.name for device in tf.config.list_logical_devices()]
    return {
        "versions": versions_of(PACKAGES),
        "platform": platform.platform(),
        "devices": list(devices),
        "seed": seed,
    }


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """The version of Python, and of each of these installed packages."""
    installed = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **installed}


def describe_provenance(made_with: Mapping[str, Any]) -> str:
    """What ``provenance`` gives, in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in made_with["versions"].items())
    return f"{versions}; {', '.join(made_with['devices'])}; seed {made_with['seed']}"
