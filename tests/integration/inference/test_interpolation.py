import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.inference.interpolation import (
    LOUDNESS_DB,
    interpolation_grid,
    interpolation_weights,
    loudness_grid,
)

RATE = 8_000


def clip(generator, frequency):
    times = np.arange(4_000) / RATE
    return generator.clip(0.1 * np.sin(2 * np.pi * frequency * times), RATE)


@pytest.fixture
def sheets(monkeypatch):
    """What goes into each sheet, caught on its way."""
    from cargan_tf.inference import interpolation

    generated = []

    def catch(title, row_names, column_names, rows):
        generated.append((title, list(row_names), list(column_names), rows))
        return explore_sheet(title, row_names, column_names, rows)

    explore_sheet = interpolation.labeled_grid
    monkeypatch.setattr(interpolation, "labeled_grid", catch)
    return generated


def same(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_every_label_is_drawn_at_every_loudness(generator, sheets):
    sound = clip(generator, 300)
    assert loudness_grid(generator, sound, "a.wav").mode == "RGB"
    ((title, names, columns, rows),) = sheets
    assert "a.wav" in title
    assert [name.partition("\n")[0] for name in names] == ["cello", "flute", "violin"]
    (heard,) = [name for name in names if "recognized" in name]
    assert heard.startswith(generator.recognize([sound])[0].label)
    assert (columns[0], columns[4]) == ("−24 dB", "as it is")
    assert [len(row) for row in rows] == [len(LOUDNESS_DB)] * 3
    for label, row in zip(generator.labels, rows, strict=True):
        assert same(row[4], generator.generate_clips([sound], [label])[0].image)
        assert not same(row[0], row[4]), "loudness counts"


def test_a_walk_moves_both_then_each_alone(generator, sheets):
    ends = clip(generator, 300), clip(generator, 1_500)
    interpolation_grid(generator, ends, ("a.wav", "b.wav"), ("cello", "violin"), steps=4)
    ((title, names, columns, rows),) = sheets
    assert title == "From a.wav (cello) to b.wav (violin)"
    assert columns == ["a.wav", "0.333", "0.667", "b.wav"]
    assert names == [
        "sound and label",
        "sound alone\nas cello",
        "sound alone\nas violin",
        "label alone\nsound of cello",
    ]
    both, as_cello, as_violin, label_alone = rows
    start, end = (
        generated.image for generated in generator.generate_clips(ends, ["cello", "violin"])
    )
    assert same(both[0], start)
    assert same(both[-1], end)
    assert same(as_cello[0], start)
    assert same(as_violin[-1], end)
    assert same(label_alone[0], start)
    assert same(label_alone[-1], as_violin[0])
    assert not same(both[1], both[2])


def test_a_walk_with_one_label_has_one_row(generator, sheets):
    interpolation_grid(
        generator, (clip(generator, 300), clip(generator, 400)), ("a", "b"), ("vn", "vn")
    )
    assert sheets[0][1] == ["sound and label"]


def test_a_walk_has_two_ends(generator):
    assert interpolation_weights(3) == [0.0, 0.5, 1.0]
    with pytest.raises(UserError, match="expected 2 or more"):
        interpolation_grid(generator, (clip(generator, 300),) * 2, ("a", "b"), steps=1)
