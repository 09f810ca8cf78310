"""Provenance of a result beside its input: versions, devices and seed."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: Packages whose versions can change results.
PACKAGES = ("cargan-tf", "tensorflow", "keras", "numpy", "librosa", "soxr")


def provenance(seed: int | None, devices: Sequence[str] | None = None) -> dict[str, Any]:
    """Versions, devices and seed, as JSON values.

    Args:
        seed: of the configuration; ``None`` if nothing is random.
        devices: those in use; by default all of TensorFlow's, which initializes them.
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
    """The versions of Python and of these installed packages."""
    installed = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **installed}


def describe_provenance(made_with: Mapping[str, Any]) -> str:
    """The result of ``provenance`` as one line."""
    versions = ", ".join(f"{name} {version}" for name, version in made_with["versions"].items())
    return f"{versions}; {', '.join(made_with['devices'])}; seed {made_with['seed']}"
