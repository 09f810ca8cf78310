from __future__ import annotations

from cargan_tf.synthetic.timbre import generator


def test_the_numbers_depend_on_the_seed_and_on_every_part_of_the_purpose():
    keys = [(0, "violin", 1), (1, "violin", 1), (0, "viola", 1), (0, "violin", 2)]
    assert len({generator(*key).random() for key in keys}) == len(keys)


def test_the_numbers_never_change():
    assert generator(0, "violin", 1, "score").integers(1000) == generator(
        0, "violin", 1, "score"
    ).integers(1000)
