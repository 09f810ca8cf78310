import pytest
import tensorflow as tf

from cargan_tf.audio.wav_graph import assert_in_graph


@tf.function
def halved(number):
    number = assert_in_graph(number, number % 2 == 0, tf.strings.format("{} is odd", number))
    tf.debugging.Assert(number % 2 == 0, ["a later check"])
    return number // 2


def test_the_value_passes():
    assert halved(tf.constant(6)).numpy() == 3


def test_the_first_check_is_the_one_that_is_told():
    for _ in range(20):
        with pytest.raises(tf.errors.InvalidArgumentError, match="7 is odd"):
            halved(tf.constant(7))
