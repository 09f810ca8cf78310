import subprocess
import sys

import pytest

from cargan_tf.utils.stderr_filter import KNOWN_LINES


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_a_python_program_that_uses_the_library_is_not_told_about_tensorflow(tiny_model):
    done = run(
        "import numpy as np\n"
        "from cargan_tf import Generator\n"
        f"generator = Generator.load({str(tiny_model)!r})\n"
        "image = generator.generate(np.sin(np.arange(4_000) * 0.3), 8_000, 'violin')\n"
        "print(image.shape)"
    )
    assert (done.stdout, done.stderr) == ("(64, 64, 3)\n", "")


def test_what_is_not_known_is_passed_on_in_order():
    known = KNOWN_LINES[0].decode()
    done = run(
        "import os, sys\n"
        "from cargan_tf.utils.stderr_filter import without_known_lines\n"
        "with without_known_lines():\n"
        f"    os.write(2, b'first\\n{known}\\nsecond\\n')\n"
        "    print('third', file=sys.stderr, flush=True)\n"
        "print('fourth', file=sys.stderr)"
    )
    assert done.stderr.splitlines() == ["first", "second", "third", "fourth"]


def test_an_error_within_leaves_standard_error_as_it_was():
    done = run(
        "import os\n"
        "from cargan_tf.utils.stderr_filter import without_known_lines\n"
        "try:\n"
        "    with without_known_lines():\n"
        "        os.write(2, b'before\\n')\n"
        "        raise ValueError\n"
        "except ValueError:\n"
        "    os.write(2, b'after\\n')"
    )
    assert done.stderr == "before\nafter\n"


@pytest.mark.parametrize(
    "code",
    [
        "from cargan_tf.training.trainer import Trainer",
        "from cargan_tf.evaluation.evaluate import evaluate_run",
        "import cargan_tf, tensorflow",
    ],
)
def test_whichever_module_imports_tensorflow_first_is_quiet(code):
    done = run(code)
    assert (done.stdout, done.stderr) == ("", "")
