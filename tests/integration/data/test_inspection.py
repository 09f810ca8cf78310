import numpy as np
import pytest
import soundfile

from cargan_tf.data.inspection import inspect_dataset
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.errors import UserError


@pytest.fixture
def inspected(tree, tmp_path, config):
    for name in ("train/cello/cello00_0", "test/cello/cello03_500"):
        soundfile.write(tree / f"chunk/{name}.wav", np.zeros(4_000), 8_000)
    noise = 0.2 * np.random.default_rng(0).normal(size=4_000)
    soundfile.write(tree / "chunk/train/flute/flute01_500.wav", noise, 8_000)
    preprocess(tree, tmp_path / "out", config, workers=1)
    return inspect_dataset(tmp_path / "out")


def test_silence_and_noise_by_class(inspected):
    assert inspected.silent == {"cello": ("test/cello/cello03/500", "train/cello/cello00/0")}
    assert inspected.noise_like == {"flute": ("train/flute/flute01/500",)}
    assert inspected.unmeasured == 0
    info = inspected.info
    assert sum(info.silent[split]["cello"] for split in info.silent) == 2


def test_examples_of_each_class_are_of_different_recordings(inspected):
    assert [example.label for example in inspected.examples] == [
        *["cello"] * 3,
        *["flute"] * 3,
        *["violin"] * 3,
    ]
    recordings = [example.name.split("/")[2] for example in inspected.examples]
    assert sorted(recordings[:3]) == ["cello00", "cello01", "cello02"]
    assert len(set(recordings)) == 9
    assert inspected.examples[0].log_mel.shape == (16, 17)
    assert inspected.examples[0].photo.shape == (32, 32, 3)


def test_no_data_set(tmp_path):
    with pytest.raises(UserError, match="no prepared data set"):
        inspect_dataset(tmp_path)
