import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import fraction


def wilson(hits, count, z=1.959963984540054):
    """Wilson 1927, eq. as in any textbook."""
    value = hits / count
    center = value + z**2 / (2 * count)
    reach = z * np.sqrt(value * (1 - value) / count + z**2 / (4 * count**2))
    return (center - reach) / (1 + z**2 / count), (center + reach) / (1 + z**2 / count)


@pytest.mark.parametrize(("hits", "count"), [(0, 4), (1, 4), (4, 4), (350, 390), (1, 1)])
def test_the_interval_is_wilson_s(hits, count):
    figure = fraction(np.arange(count) < hits)
    assert figure.value == hits / count
    assert figure.images == count
    assert figure.interval == pytest.approx(wilson(hits, count), abs=1e-12)
    assert 0 <= figure.interval[0] <= figure.value <= figure.interval[1] <= 1
