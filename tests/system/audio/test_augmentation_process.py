import subprocess
import sys


def test_the_import_warns_of_nothing():
    program = (
        "import warnings; warnings.simplefilter('error');"
        " from cargan_tf.audio.augmentation import mask_stream; mask_stream(1, 1, 4, 4, seed=1)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "unable to load" not in done.stderr
    assert "file system plugins" not in done.stderr
