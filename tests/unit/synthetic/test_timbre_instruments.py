from __future__ import annotations

from cargan_tf.labels import SUB_URMP_LABELS
from cargan_tf.synthetic.scene import SCENES
from cargan_tf.synthetic.timbre import INSTRUMENTS


def test_every_class_of_sub_urmp_has_a_sound_and_a_scene():
    assert tuple(INSTRUMENTS) == tuple(SCENES) == SUB_URMP_LABELS


def test_ranges_lie_on_the_keyboard_and_programs_differ():
    for instrument in INSTRUMENTS.values():
        assert 21 <= instrument.lowest < instrument.highest <= 108
    programs = [program for one in INSTRUMENTS.values() for program in one.programs]
    assert len(set(programs)) == len(programs) == 17  # four saxophones, a muted trumpet
