from dataclasses import replace

import numpy as np
import pytest

from cargan_tf.evaluation.html.image_strips import load_comparison, save_comparison


def test_one_clip_of_music_a_label_comes_back(report, generated, tmp_path):
    split, file = generated["test"], tmp_path / "comparison.npz"
    save_comparison(report.split("test"), split, 0, file)
    comparison = load_comparison(file)
    assert comparison.labels == report.labels
    for position, key in enumerate(comparison.keys):
        index = split.keys.index(key)
        assert not split.silent[index]
        assert not split.noise_like[index]
        expected = np.rint((split.refined[index] + 1) * 127.5)
        np.testing.assert_array_equal(comparison.refined[position], expected)
        expected = np.rint((split.photos[index] + 1) * 127.5)
        np.testing.assert_array_equal(comparison.photos[position], expected)
    assert comparison.sounds.shape == comparison.photos.shape


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut short"])
def test_without_one_there_is_nothing_to_show(tmp_path, content):
    file = tmp_path / "comparison.npz"
    if content is not None:
        file.write_bytes(content)
    assert load_comparison(file) is None


def test_a_split_without_music_has_no_clip_to_compare(report, generated, tmp_path):
    split, file = report.split("test"), tmp_path / "comparison.npz"
    silent = tuple(replace(example, silent=True) for example in split.examples)
    save_comparison(replace(split, examples=silent), generated["test"], 0, file)
    comparison = load_comparison(file)
    assert (comparison.keys, len(comparison.refined)) == ((), 0)
