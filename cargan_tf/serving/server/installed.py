"""Whether what the server is made of is there; nothing else needs it."""

from __future__ import annotations

from importlib.util import find_spec

from cargan_tf.errors import UserError

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


def check_installed() -> None:
    """Raise ``UserError`` unless the ``serve`` extra is installed."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise UserError(f"cargan serve needs {', '.join(missing)}: pip install 'cargan-tf[serve]'.")
