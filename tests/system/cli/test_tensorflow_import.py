import subprocess
import sys

import pytest
import tensorflow as tf
from cargan_cli.tensorflow_import import FEW_IMAGES, without_graph_optimizer


def test_tensorflow_starts_and_stores_numbers_in_float16_without_a_word():
    code = (
        "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '1'\n"
        "from cargan_cli.tensorflow_import import import_tensorflow\n"
        "import_tensorflow()\n"
        "import tensorflow as tf\n"
        "assert tf.config.list_logical_devices('CPU')\n"
        "tf.cast(tf.zeros([1], tf.float16), tf.float32)\n"
        "strategy = tf.distribute.MirroredStrategy(['/cpu:0'])\n"
        "next(iter(strategy.experimental_distribute_dataset(tf.data.Dataset.range(1))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_devices_can_be_left_for_later():
    code = (
        "from cargan_cli.tensorflow_import import import_tensorflow\n"
        "import_tensorflow(start_devices=False)\n"
        "from cargan_tf.training.distribution import make_strategy\n"
        "assert make_strategy(virtual_devices=3).num_replicas_in_sync == 3"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_nobody_uses_is_not_imported_and_can_be_later():
    code = (
        "import sys\n"
        "from cargan_cli.tensorflow_import import import_tensorflow\n"
        "import_tensorflow()\n"
        "print({'sklearn', 'matplotlib', 'pandas'} & {*sys.modules})\n"
        "import sklearn, matplotlib.pyplot, pandas\n"
        "print(sklearn.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()", "sklearn"]


@pytest.fixture
def graph_optimizer():
    """As it is outside of the tests."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.mark.parametrize(
    ("images", "as_they_are"), [(1, True), (FEW_IMAGES, True), (FEW_IMAGES + 1, False)]
)
def test_for_a_few_images_graphs_are_run_as_they_are(images, as_they_are, graph_optimizer):
    options = tf.config.optimizer.get_experimental_options
    with without_graph_optimizer(images):
        assert options()["disable_meta_optimizer"] is as_they_are
    assert not options()["disable_meta_optimizer"]
