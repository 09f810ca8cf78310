import subprocess
import sys


def test_the_import_warns_of_nothing():
    program = "import warnings; warnings.simplefilter('error'); import cargan_tf.audio.spec_augment"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "unable to load" not in done.stderr
    assert "file system plugins" not in done.stderr
