import librosa
import numpy as np
import pytest

from cargan_tf.audio.log_mel import periodic_hann


@pytest.mark.parametrize("length", [2, 173, 2048])
def test_it_is_librosas(length):
    theirs = librosa.filters.get_window("hann", length, fftbins=True)
    np.testing.assert_allclose(periodic_hann(length), theirs, atol=1e-15)


def test_what_all_are_given_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        periodic_hann(8)[0] = 1.0
