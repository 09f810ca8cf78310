from pathlib import Path

import numpy as np
import pytest

from cargan_tf.data.pairs import Skipped
from cargan_tf.data.preprocessing.worker import (
    ExtractedPairs,
    load_arrays,
    remove_stored_arrays,
    store_arrays,
)


@pytest.fixture
def extracted():
    """Two pairs' arrays; what else there is comes along as it is."""
    random = np.random.default_rng(0)
    return ExtractedPairs(
        pairs=(),
        log_mels=random.normal(size=(2, 3, 5)).astype(np.float32),
        waveforms=random.integers(-99, 99, (2, 7), np.int16),
        photos=random.integers(0, 256, (2, 4, 4, 3), np.uint8),
        qualities=(),
        padded=frozenset({"a"}),
        dropped=(),
        skipped=(Skipped("a", "b"),),
    )


def test_what_is_parked_comes_back_and_the_file_goes(extracted, tmp_path):
    stored = store_arrays(extracted, str(tmp_path), ".x.")
    assert stored.rest.photos.size == stored.rest.log_mels.size == 0
    assert Path(stored.file).parent == tmp_path
    found = load_arrays(stored)
    np.testing.assert_array_equal(found.photos, extracted.photos)
    np.testing.assert_array_equal(found.log_mels, extracted.log_mels)
    np.testing.assert_array_equal(found.waveforms, extracted.waveforms)
    assert (found.padded, found.skipped) == (extracted.padded, extracted.skipped)
    assert not list(tmp_path.iterdir())


def test_what_nobody_fetched_is_removed_and_nothing_else(extracted, tmp_path):
    store_arrays(extracted, str(tmp_path), ".x.")
    other = store_arrays(extracted, str(tmp_path), ".y.")
    remove_stored_arrays(str(tmp_path), ".x.")
    assert [str(path) for path in tmp_path.iterdir()] == [other.file]


def test_a_file_that_cannot_be_written_whole_is_removed(extracted, tmp_path, monkeypatch):
    def full(array):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cargan_tf.data.preprocessing.worker.np.ascontiguousarray", full)
    with pytest.raises(OSError, match="No space"):
        store_arrays(extracted, str(tmp_path), ".x.")
    assert not list(tmp_path.iterdir())
