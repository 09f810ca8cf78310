import keras
import numpy as np
import tensorflow as tf

from cargan_tf.training.classifiers.fitting import correct_predictions, fit_classifier
from cargan_tf.utils.progress import SilentReporter

#: Points on either side of a line.
POINTS = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
LABELS = np.eye(2, dtype=np.float32)[(POINTS @ [1.0, -2.0] > 0).astype(int)]


def batches():
    return tf.data.Dataset.from_tensor_slices({"seen": POINTS, "label": LABELS}).batch(16)


def test_what_can_be_told_apart_is_learned():
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    before = correct_predictions(network, batches(), "seen").mean()
    with SilentReporter().task("", 80) as task:
        fit_classifier(network, batches().repeat(), "seen", 0.1, 80, 4, task)
    after = correct_predictions(network, batches(), "seen")
    assert after.shape == (64,)
    assert after.mean() > max(before, 0.95)


def test_each_step_is_told_and_each_epoch_noted():
    told = []

    class Recorder:
        def advance(self, count=1, note=""):
            told.append(note)

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    fit_classifier(network, batches().repeat(), "seen", 0.1, 5, 2, Recorder())
    assert [bool(note) for note in told] == [False, True, False, True, False]
    assert told[1].startswith("training accuracy ")
