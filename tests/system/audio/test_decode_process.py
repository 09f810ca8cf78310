"""Files of many formats to one mono waveform, and what is refused."""

from __future__ import annotations

import subprocess
import sys


def test_importing_needs_neither_tensorflow_nor_librosa():
    light = ("decode", "clips", "quality", "normalization", "log_mel")
    imports = "; ".join(f"import cargan_tf.audio.{module}" for module in light)
    check = "import sys; print([m for m in ('tensorflow', 'librosa') if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", f"{imports}; {check}"], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
