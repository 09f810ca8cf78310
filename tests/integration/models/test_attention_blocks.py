import math

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models import attention
from cargan_tf.models.attention import (
    ReferenceAttention,
    SelfAttention,
    attend,
    attend_at_once,
    attend_in_blocks,
)


def positions(count, channels, seed):
    return np.random.default_rng(seed).normal(size=(2, count, channels)).astype(np.float32)


QUERY, KEY, VALUE = positions(96, 4, 0), positions(24, 4, 1), positions(24, 7, 2)
UPSTREAM = positions(96, 7, 3)


def close(found, expected):
    """Within 1e-5 of the largest value, or of 1: sums are taken in another order."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))


def by_hand():
    """Result and gradients of query, key and value in float64, from the definition."""
    query, key, value, upstream = (x.astype(np.float64) for x in (QUERY, KEY, VALUE, UPSTREAM))
    scores = np.exp(query @ key.transpose(0, 2, 1))
    weights = scores / scores.sum(-1, keepdims=True)
    of_weights = upstream @ value.transpose(0, 2, 1)
    of_scores = weights * (of_weights - (weights * of_weights).sum(-1, keepdims=True))
    gradients = of_scores @ key, of_scores.transpose(0, 2, 1) @ query
    return weights @ value, *gradients, weights.transpose(0, 2, 1) @ upstream


def result_and_gradients(function, query, key, value):
    with tf.GradientTape() as tape:
        tape.watch([query, key, value])
        result = function(query, key, value)
    upstream = tf.ones_like(result) * UPSTREAM[:, : result.shape[1]]
    return result, *tape.gradient(result, [query, key, value], output_gradients=upstream)


@pytest.mark.parametrize("block", [7, 32, 96, 256])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_value_and_gradients_are_those_of_the_definition(monkeypatch, block, compiled):
    """In blocks that do not fit (and become smaller), that do, in one, and in too large a one."""
    monkeypatch.setattr(attention, "BLOCK_QUERIES", block)
    function = tf.function(attend_in_blocks) if compiled else attend_in_blocks
    found = result_and_gradients(function, *map(tf.constant, (QUERY, KEY, VALUE)))
    for ours, expected in zip(found, by_hand(), strict=True):
        close(ours, expected)


def test_scores_in_the_hundreds_stay_finite():
    large = [tf.constant(30 * array) for array in (QUERY, KEY)]
    values = result_and_gradients(attend_in_blocks, *large, tf.constant(VALUE))
    assert all(np.isfinite(value).all() for value in values)
    close(values[0], attend_at_once(*large, VALUE))


def test_the_batch_may_be_unknown():
    spec = [tf.TensorSpec([None, *array.shape[1:]]) for array in (QUERY, KEY, VALUE)]
    found = tf.function(attend_in_blocks, input_signature=spec)(QUERY, KEY, VALUE)
    close(found, by_hand()[0])


def largest_tensor(query_shape, key_shape, value_shape):
    """Elements of the largest tensor in the graph of ``attend`` and its gradients; nothing runs."""

    @tf.function
    def both(query, key, value):
        with tf.GradientTape() as tape:
            tape.watch([query, key, value])
            result = attend(query, key, value)
        return result, tape.gradient(result, [query, key, value])

    specs = [tf.TensorSpec(shape) for shape in (query_shape, key_shape, value_shape)]
    graph = both.get_concrete_function(*specs).graph.as_graph_def(add_shapes=True)
    nodes = [
        *graph.node,
        *(node for function in graph.library.function for node in function.node_def),
    ]
    shapes = [shape for node in nodes for shape in node.attr["_output_shapes"].list.shape]
    return max(math.prod(max(d.size, 0) for d in shape.dim) for shape in shapes)


def test_nothing_of_size_queries_by_keys_exists_at_256_pixels():
    """The outer attention of the generators: 128×128 queries, 64×64 keys, 64 channels."""
    shapes = (2, 16_384, 8), (2, 4_096, 8), (2, 4_096, 32)
    block_map = 2 * attention.BLOCK_QUERIES * 4_096
    assert largest_tensor(*shapes) == block_map


def test_small_maps_are_held_whole():
    assert largest_tensor((2, 1024, 8), (2, 256, 8), (2, 256, 32)) == 2 * 1024 * 256


@pytest.fixture(params=[SelfAttention, ReferenceAttention])
def layer(request):
    tf.random.set_seed(1)
    layer = request.param(init_stddev=0.5)
    layer.build((None, 8, 8, 16))
    if request.param is SelfAttention:
        layer.gamma.assign(0.7)
    return layer


FEATURES = np.random.default_rng(5).normal(size=(4, 8, 8, 16)).astype(np.float32)


def trained_on(layer, features):
    with tf.GradientTape() as tape:
        result = layer(features)
        loss = tf.reduce_sum(result**2) / 100
    return result, tape.gradient(loss, [variable.value for variable in layer.variables])


@pytest.fixture
def in_blocks(monkeypatch):
    monkeypatch.setattr(attention, "WHOLE_MAP_LIMIT", 0)
    monkeypatch.setattr(attention, "BLOCK_QUERIES", 16)


def test_both_layers_give_and_learn_the_same(layer, request):
    expected, gradients = trained_on(layer, FEATURES)
    request.getfixturevalue("in_blocks")
    found, found_gradients = trained_on(layer, FEATURES)
    close(found, expected)
    # A key's bias moves nothing, so that its gradient is the round-off of the others.
    largest = max(float(tf.reduce_max(tf.abs(gradient))) for gradient in gradients)
    for ours, theirs in zip(found_gradients, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * max(1.0, largest))


@pytest.mark.usefixtures("in_blocks")
def test_on_four_replicas(four_replicas):
    with four_replicas.scope():
        layer = SelfAttention(init_stddev=0.5)
        layer.build((None, 8, 8, 16))
        layer.gamma.assign(0.7)

    @tf.function
    def gradients(batches):
        def on_one(batch):
            summed = trained_on(layer, batch)[1]
            return tf.distribute.get_replica_context().all_reduce("SUM", summed)

        return four_replicas.run(on_one, args=(batches,))

    whole = tf.data.Dataset.from_tensors(FEATURES).unbatch().batch(4)
    batches = next(iter(four_replicas.experimental_distribute_dataset(whole)))
    found = gradients(batches)
    for ours, expected in zip(found, trained_on(layer, FEATURES)[1], strict=True):
        (first, *_) = four_replicas.experimental_local_results(ours)
        close(first, expected)


@pytest.mark.usefixtures("in_blocks")
def test_exported_and_loaded_it_draws_the_same(tmp_path):
    module = tf.Module()
    module.draw = tf.function(
        lambda features: attend(features, features, features),
        input_signature=[tf.TensorSpec([None, 96, 4])],
    )
    tf.saved_model.save(module, str(tmp_path))
    found = tf.saved_model.load(str(tmp_path)).draw(tf.constant(QUERY))
    close(found, attend_at_once(QUERY, QUERY, QUERY))


def test_gradients_of_gradients_are_those_without_blocks(monkeypatch):
    """R1 takes the slope of a slope, through D's attention too."""
    monkeypatch.setattr(attention, "BLOCK_QUERIES", 32)

    def slopes_of_slopes(function):
        inputs = [tf.constant(array) for array in (QUERY, KEY, VALUE)]
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                total = tf.reduce_sum(UPSTREAM * function(*inputs))
            squares = [tf.reduce_sum(slope**2) for slope in inner.gradient(total, inputs)]
            penalty = tf.add_n(squares)
        return outer.gradient(penalty, inputs)

    compiled = tf.function(lambda: slopes_of_slopes(attend_in_blocks))
    for ours, expected in zip(compiled(), slopes_of_slopes(attend_at_once), strict=True):
        close(ours, expected.numpy())
