import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import halves


@pytest.mark.parametrize("count", [2, 7, 40])
def test_halves_are_equal_and_share_nothing(count):
    one, other = halves(count, seed=0)
    assert len(one) == len(other) == count // 2
    assert len(set(one) | set(other)) == 2 * (count // 2)


def test_the_seed_decides():
    assert np.array_equal(halves(40, 1), halves(40, 1))
    assert not np.array_equal(halves(40, 1), halves(40, 2))
