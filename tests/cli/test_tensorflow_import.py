import os
import subprocess
import sys

import pytest
from cargan_cli.tensorflow_import import KNOWN_LINES, known_lines_dropped


def test_known_lines_are_dropped_and_others_stay(capfd):
    with known_lines_dropped():
        os.write(2, b"before\n" + KNOWN_LINES[0] + b"\nafter\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_lines_come_out_even_after_an_error(capfd):
    def fail():
        os.write(2, b"why\n")
        raise KeyError

    with pytest.raises(KeyError), known_lines_dropped():
        fail()
    assert capfd.readouterr().err == "why\n"


def test_standard_error_is_itself_again(capfd):
    with known_lines_dropped():
        pass
    os.write(2, KNOWN_LINES[0])
    assert capfd.readouterr().err.encode() == KNOWN_LINES[0]


def test_tensorflow_starts_without_a_word():
    """And says none at the first use of float16, as in a model that stores its weights so."""
    code = (
        "from cargan_cli.tensorflow_import import import_tensorflow\n"
        "import_tensorflow()\n"
        "import tensorflow as tf\n"
        "assert tf.config.list_logical_devices('CPU')\n"
        "tf.cast(tf.zeros([1], tf.float16), tf.float32)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_devices_can_be_left_for_later():
    code = (
        "from cargan_cli.tensorflow_import import import_tensorflow\n"
        "import_tensorflow(start_devices=False)\n"
        "from cargan_tf.training.devices import make_strategy\n"
        "assert make_strategy(virtual_devices=3).num_replicas_in_sync == 3"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
