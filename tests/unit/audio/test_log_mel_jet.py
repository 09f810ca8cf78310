import numpy as np

from cargan_tf.audio.log_mel import LEVELS, jet_colors


def test_the_map_is_jet():
    """Dark blue, blue, cyan, yellow, red, dark red, as matplotlib's table has them."""
    colors = jet_colors()
    assert colors.shape == (LEVELS, 3)
    assert colors[[0, 255]].tolist() == [[0, 0, 127], [127, 0, 0]]
    assert colors[[32, 96, 200, 240]].argmax(1).tolist() == [2, 1, 0, 0]
    np.testing.assert_array_equal(colors[:, 1][96:160], 255)


def test_neighbors_are_near():
    assert np.abs(np.diff(jet_colors().astype(int), axis=0)).max() <= 12
