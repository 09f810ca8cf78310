import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.training.run import Run
from cargan_tf.training.validation import class_mean_photos, class_means


@pytest.fixture(scope="module")
def batches(trained):
    return list(evaluation_batches(trained.dataset, trained.data, trained.config, "train", 5))


@pytest.fixture(scope="module")
def means(batches):
    return class_mean_photos(batches)


def test_the_mean_photo_of_each_class_shows_its_colour(means, batches):
    photos, labels = [], []
    for batch in batches:
        photos.append(batch["photo"].numpy())
        labels.append(batch["label"].numpy().argmax(1))
    photos, labels = np.concatenate(photos), np.concatenate(labels)
    for label in range(3):
        np.testing.assert_allclose(means[label], photos[labels == label].mean(0), atol=1e-5)
        assert means[label, 0, 0].argmax() == label  # cello is red, flute green, violin blue


def test_a_class_without_photos_is_grey():
    batch = {"label": tf.constant([[1.0, 0.0]]), "photo": tf.ones([1, 2, 2, 3])}
    np.testing.assert_array_equal(class_mean_photos([batch])[1], np.zeros((2, 2, 3)))


def test_no_photo_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one batch"):
        class_mean_photos([])


def test_a_run_computes_them_once_and_keeps_them(trained, means, tmp_path):
    run = Run(tmp_path)
    made = class_means(run, trained.dataset, trained.data, trained.config)
    np.testing.assert_allclose(made, means, atol=1e-6)
    np.save(run.class_means, made + 1)
    kept = class_means(run, trained.dataset, trained.data, trained.config)
    np.testing.assert_array_equal(kept, made + 1)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY cut short", b"text"])
def test_a_damaged_file_is_written_anew(trained, means, tmp_path, content):
    run = Run(tmp_path)
    run.class_means.write_bytes(content)
    made = class_means(run, trained.dataset, trained.data, trained.config)
    np.testing.assert_allclose(made, means, atol=1e-6)
    np.testing.assert_array_equal(np.load(run.class_means), made)
