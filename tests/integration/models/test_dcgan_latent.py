import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.dcgan import latent_vectors

SEED = tf.constant([3, 4])


def test_a_trained_system_always_draws_with_the_same_vector():
    one, several = latent_vectors(1, 5, None).numpy(), latent_vectors(3, 5, None).numpy()
    np.testing.assert_array_equal(several, np.repeat(one, 3, axis=0))
    assert np.abs(one).max() > 0.1


def test_in_training_each_image_has_a_vector_of_its_own():
    vectors = latent_vectors(4000, 5, SEED).numpy()
    assert len(np.unique(vectors[:, 0])) > 3900
    np.testing.assert_allclose(vectors.mean(0), np.zeros(5), atol=0.1)
    np.testing.assert_allclose(vectors.std(0), np.ones(5), atol=0.1)


@pytest.mark.parametrize(("seed", "same"), [((3, 4), True), ((3, 5), False), ((2, 4), False)])
def test_they_are_a_function_of_the_seed(seed, same):
    again = latent_vectors(4, 5, tf.constant(seed))
    assert np.array_equal(latent_vectors(4, 5, SEED), again) == same


def test_replicas_draw_the_parts_of_one_batch(four_replicas):
    parts = tf.function(lambda: four_replicas.run(lambda: latent_vectors(2, 5, SEED)))()
    joined = np.concatenate([p.numpy() for p in four_replicas.experimental_local_results(parts)])
    np.testing.assert_array_equal(joined, latent_vectors(8, 5, SEED))
