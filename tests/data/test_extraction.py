import numpy as np
import soundfile

from cargan_tf.audio.decode import read_audio
from cargan_tf.audio.log_mel import log_mel
from cargan_tf.data.extraction import Chunk, extract
from cargan_tf.data.photo import read_photo
from cargan_tf.data.sources import find_source


def test_content_and_what_is_left_out(tree, config):
    pairs = find_source(tree).pairs[:4]
    pairs[1].audio.write_text("no sound")
    pairs[2].image.write_text("no picture")
    result = extract(Chunk(pairs, config.audio, 32))
    assert result.pairs == (pairs[0], pairs[3])
    assert result.log_mels.shape == (2, 16, 17)
    assert result.photos.shape == (2, 32, 32, 3)
    waveform = read_audio(pairs[3].audio, config.audio.sample_rate)
    expected = log_mel(waveform[np.newaxis], config.audio)[0]
    np.testing.assert_allclose(result.log_mels[1], expected, atol=1e-4)
    np.testing.assert_array_equal(result.photos[1], read_photo(pairs[3].image, 32))
    assert [item.what for item in result.left_out] == [
        f"train/{pairs[1].id}",
        f"train/{pairs[2].id}",
    ]
    assert "cannot be read as sound" in result.left_out[0].why
    assert "is not a picture" in result.left_out[1].why


def test_nothing_readable_keeps_the_shapes(tree, config):
    pairs = find_source(tree).pairs[:2]
    for pair in pairs:
        pair.image.unlink()
    result = extract(Chunk(pairs, config.audio, 32))
    assert result.log_mels.shape == (0, 16, 17)
    assert result.photos.shape == (0, 32, 32, 3)
    assert len(result.left_out) == 2


def test_short_clips_are_noted(tree, config):
    pairs = find_source(tree).pairs[:2]
    soundfile.write(pairs[1].audio, np.full(1_000, 0.1), 8_000)
    assert extract(Chunk(pairs, config.audio, 32)).padded == {pairs[1].id}
