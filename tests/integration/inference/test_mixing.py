import numpy as np
import pytest
import soundfile

from cargan_tf.audio.clips import mix_clips
from cargan_tf.errors import UserError
from cargan_tf.inference.interpolation import generate_mixes, mix_files

RATE = 8_000
TIMES = np.arange(4_000) / RATE


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixing")
    for name, frequency in (("low.wav", 200), ("high.wav", 1_500)):
        soundfile.write(folder / name, 0.3 * np.sin(2 * np.pi * frequency * TIMES), RATE)
    (folder / "words.wav").write_text("no sound")
    return [folder / name for name in ("low.wav", "high.wav", "words.wav")]


@pytest.fixture(scope="module")
def clips(generator, files):
    return tuple(generator.read_clip(file) for file in files[:2])


def distance(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max()


def test_sounds_and_labels_get_the_same_weights(generator, clips):
    (generated,) = generate_mixes(generator, clips, ("violin", "cello"), [0.25])
    assert generated.label_weights == {"cello": 0.25, "violin": 0.75}
    by_hand = generator.generate_clips(
        [mix_clips(*clips, 0.25)], [{"violin": 0.75, "cello": 0.25}]
    )[0]
    assert distance(generated.image, by_hand.image) <= 1


def test_the_ends_are_the_sounds_alone(generator, clips):
    first, last = generate_mixes(generator, clips, ("violin", "cello"), [0, 1])
    alone = generator.generate_clips(clips, ["violin", "cello"])
    assert distance(first.image, alone[0].image) <= 1
    assert distance(last.image, alone[1].image) <= 1
    assert distance(first.image, last.image) > 1


def test_labels_left_out_are_recognized(generator, clips):
    heard = generator.recognize(clips)
    first, last = generate_mixes(generator, clips, (None, None), [0, 1])
    assert [first.label, last.label] == [one.label for one in heard]
    least = min(one.confidence for one in heard)
    assert first.confidence == last.confidence == pytest.approx(least, abs=1e-5)


def test_files_are_mixed_and_bad_ones_named(generator, files):
    low, high, words = files
    results = list(mix_files(generator, [words, low], high, 0.5, "violin"))
    assert [source for source, _ in results] == [words, low]
    assert isinstance(results[0][1], UserError)
    assert results[1][1].label_weights == {"violin": 1.0}


def test_a_bad_second_sound_ends_it(generator, files):
    with pytest.raises(UserError, match=r"words\.wav cannot be read as sound"):
        next(mix_files(generator, files[:1], files[2], 0.5))


def test_an_unknown_label_is_found_before_anything_is_read(generator, tmp_path):
    with pytest.raises(UserError, match="unknown label 'kazoo'"):
        next(mix_files(generator, [tmp_path / "none"], tmp_path / "none", 0.5, "kazoo"))


def test_what_was_put_right_in_both_sounds_is_said(generator, files, tmp_path):
    tone = 0.3 * np.sin(TIMES * 2_000)
    soundfile.write(tmp_path / "opposite.wav", np.stack([tone, -tone], axis=1), RATE)
    soundfile.write(tmp_path / "left.wav", np.stack([tone, 0 * tone], axis=1), RATE)
    sources = [tmp_path / "opposite.wav", files[0]]
    results = [
        made for _, made in mix_files(generator, sources, tmp_path / "left.wav", 0.5, "cello")
    ]
    other = "the sound mixed in: 1 of its 2 channels are silent and left out"
    assert results[0].warnings()[0].startswith("its channels are opposite in sign")
    assert all(other in made.warnings() for made in results)
