import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.layers import BatchNorm, ReplicaDropout

FEATURES = np.random.default_rng(0).normal(3, 2, size=(4, 2, 3, 5)).astype(np.float32)
AXES = (0, 1, 2)
COUNT = FEATURES[..., 0].size
SEED = tf.constant([3, 4])


@pytest.fixture
def norm():
    norm = BatchNorm(epsilon=1e-3)
    norm.build(FEATURES.shape)
    norm.gamma.assign([0.5, 1.0, 1.5, 2.0, -1.0])
    norm.beta.assign([0.0, 1.0, 2.0, 3.0, 4.0])
    return norm


@pytest.fixture(scope="module")
def one_replica():
    return tf.distribute.MirroredStrategy(["/cpu:0"])


def in_replicas(strategy, call, features=FEATURES):
    """What ``call(part)`` gives on each replica's part of ``features``, joined."""
    parts = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(
            np.split(features, strategy.num_replicas_in_sync)[context.replica_id_in_sync_group]
        )
    )
    results = tf.function(lambda: strategy.run(call, args=(parts,)))()
    return np.concatenate([part.numpy() for part in strategy.experimental_local_results(results)])


def test_training_normalizes_by_the_biased_variance_of_the_batch(norm):
    scaled = (FEATURES - FEATURES.mean(AXES)) / np.sqrt(FEATURES.var(AXES) + 1e-3)
    expected = scaled * norm.gamma.numpy() + norm.beta.numpy()
    np.testing.assert_allclose(norm(FEATURES, training=True), expected, rtol=1e-4, atol=1e-4)


def test_a_tenth_of_the_unbiased_statistics_moves_in(norm):
    norm(FEATURES, training=True)
    np.testing.assert_allclose(norm.moving_mean, 0.1 * FEATURES.mean(AXES), rtol=1e-5)
    unbiased = FEATURES.var(AXES, dtype=np.float64) * COUNT / (COUNT - 1)
    np.testing.assert_allclose(norm.moving_variance, 0.9 + 0.1 * unbiased, rtol=1e-5)


def test_inference_normalizes_by_the_moving_statistics(norm):
    norm.moving_mean.assign([1.0, 2.0, 3.0, 4.0, 5.0])
    norm.moving_variance.assign([1.0, 4.0, 9.0, 16.0, 25.0])
    scaled = (FEATURES - [1, 2, 3, 4, 5]) / np.sqrt(np.array([1, 4, 9, 16, 25]) + 1e-3)
    expected = scaled * norm.gamma.numpy() + norm.beta.numpy()
    np.testing.assert_allclose(norm(FEATURES), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(norm.moving_mean, [1, 2, 3, 4, 5])


def test_statistics_stay_when_told_to(norm):
    kept = norm(FEATURES, training=True, update_statistics=False)
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(5))
    np.testing.assert_array_equal(norm.moving_variance, np.ones(5))
    np.testing.assert_array_equal(kept, norm(FEATURES, training=True))


def test_the_scale_starts_near_one():
    norm = BatchNorm()
    norm.build((None, 1, 1, 4000))
    assert norm.gamma.numpy().mean() == pytest.approx(1, abs=0.005)
    assert norm.gamma.numpy().std() == pytest.approx(0.02, rel=0.1)


def normalized_by(strategy, features=FEATURES):
    """Output beside the input's gradient, moving mean and moving variance."""
    with strategy.scope():
        norm = BatchNorm(epsilon=1e-3)
        norm.build(features.shape)
        norm.gamma.assign(np.arange(1.0, 6.0))

    def step(part):
        with tf.GradientTape() as tape:
            tape.watch(part)
            result = norm(part, training=True)
            loss = tf.reduce_sum(result**3)
        return tf.concat([result, tape.gradient(loss, part)], -1)

    both = in_replicas(strategy, step, features)
    return both, norm.moving_mean.numpy(), norm.moving_variance.numpy()


def test_four_replicas_normalize_by_the_whole_batch_and_its_gradient(four_replicas, one_replica):
    four, one = normalized_by(four_replicas), normalized_by(one_replica)
    for ours, alone in zip(four, one, strict=True):
        np.testing.assert_allclose(ours, alone, rtol=1e-3, atol=1e-4)


def test_the_synchronised_variance_does_not_cancel(four_replicas):
    """By E[x²] - E[x]² it would be round-off."""
    features = (1e-2 * FEATURES + 100).astype(np.float32)
    _, _, variance = normalized_by(four_replicas, features)
    unbiased = features.var(AXES, dtype=np.float64) * COUNT / (COUNT - 1)
    np.testing.assert_allclose(variance - 0.9, 0.1 * unbiased, atol=1e-6)


def test_four_replicas_drop_what_one_drops(four_replicas, one_replica):
    dropout = ReplicaDropout(0.5)

    def call(part):
        return dropout(part, seed=SEED, training=True)

    whole = in_replicas(one_replica, call)
    np.testing.assert_array_equal(in_replicas(four_replicas, call), whole)
    masks = (whole != 0).reshape(4, -1)
    assert len({mask.tobytes() for mask in masks}) == 4  # each image has a mask of its own


def test_dropout_is_a_function_of_the_seed():
    dropout = ReplicaDropout(0.5)
    tf.random.set_seed(1)
    first = dropout(tf.constant(FEATURES), seed=SEED, training=True)
    tf.random.set_seed(2)
    again = dropout(tf.constant(FEATURES), seed=SEED, training=True)
    np.testing.assert_array_equal(first, again)
    other = dropout(tf.constant(FEATURES), seed=SEED + 1, training=True)
    assert np.any((first == 0) != (other == 0))


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_the_rate_is_dropped_and_the_rest_made_up_for(rate):
    result = ReplicaDropout(rate)(tf.ones([8, 16, 16, 8]), seed=SEED, training=True).numpy()
    assert (result == 0).mean() == pytest.approx(rate, abs=0.02)
    np.testing.assert_allclose(result[result != 0], 1 / (1 - rate), rtol=1e-6)


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_nothing_is_dropped_in_inference_or_at_rate_0(rate, training):
    result = ReplicaDropout(rate)(tf.constant(FEATURES), training=training)
    np.testing.assert_array_equal(result, FEATURES)


def test_training_without_a_seed_is_refused():
    with pytest.raises(ValueError, match="needs a seed"):
        ReplicaDropout(0.5)(tf.constant(FEATURES), training=True)
