"""With a stand-in for the generator, whose images say what they were made from."""

import numpy as np
import pytest
from helpers.live import CHUNK, RATE, LiveGenerator, recognition, rest, tone

from cargan_tf.audio.clips import root_mean_square
from cargan_tf.demo.live import LiveSession, SlidingWindow, SteadyRecognition
from cargan_tf.errors import UserError


def play(session, sound):
    """The image after each chunk."""
    images = []
    for begin in range(0, len(sound), CHUNK):
        session.add(sound[begin : begin + CHUNK])
        images.append(session.generate(session.recent()))
    return images


def test_the_window_holds_the_end_of_the_sound_however_it_comes():
    window = SlidingWindow(5)
    for part in ([1, 2], [3, 4, 5, 6], [], list(range(7, 20)), [20]):
        window.add(np.array(part, np.int16) * 256)
    heard = window.recent()
    np.testing.assert_allclose(heard.samples * 32767 / 256, [16, 17, 18, 19, 20])
    assert heard.total == 20


def test_what_was_heard_does_not_change_while_more_comes():
    window = SlidingWindow(4)
    window.add(np.array([256, 512], np.int16))
    heard = window.recent()
    before = heard.samples.copy()
    window.add(np.array([768, 1024, 1280], np.int16))
    np.testing.assert_array_equal(heard.samples, before)


def test_one_other_half_second_does_not_change_the_instrument():
    steady = SteadyRecognition(count=4, margin=0.2)
    labels = []
    for heard in (*[recognition(violin=0.9)] * 4, recognition(cello=0.9), recognition(violin=0.9)):
        steady.add(heard)
        labels.append(steady.label)
    assert labels == ["violin"] * 6


def test_another_instrument_is_followed_once_it_is_clear():
    steady = SteadyRecognition(count=4, margin=0.2)
    for heard in [recognition(violin=1.0)] * 4:
        steady.add(heard)
    labels = []
    for heard in [recognition(cello=1.0)] * 4:
        steady.add(heard)
        labels.append(steady.label)
    assert labels == ["violin", "violin", "cello", "cello"]
    assert steady.describe() == "cello (100%)"


def test_a_wrong_first_half_second_is_soon_revised():
    steady = SteadyRecognition(count=12, margin=0.2)
    steady.add(recognition(cello=0.5, violin=0.4))
    steady.add(recognition(cello=0.3, violin=0.6))
    assert steady.label == "violin"


def test_silence_is_no_instrument_and_after_a_rest_others_are_followed_at_once():
    steady = SteadyRecognition()
    steady.add(recognition(silent=True))
    assert (steady.label, steady.describe()) == (None, "")
    for _ in range(12):
        steady.add(recognition(violin=1.0))
    steady.forget()
    assert (steady.label, steady.describe()) == ("violin", "violin")
    steady.add(recognition(cello=1.0))
    assert steady.label == "cello"


def test_what_is_no_instrument_is_said():
    steady = SteadyRecognition()
    steady.add(recognition(violin=0.3, none=0.6))
    assert steady.is_none
    assert steady.describe() == "none of the instruments (60%)"


def test_a_note_is_generated_from_its_own_sound_soon_after_it_began():
    generator = LiveGenerator()
    session = LiveSession(generator, RATE)
    session.choose("cello", 2)
    images = play(session, np.concatenate([rest(1), tone(1)]))
    drawn = [index for index, image in enumerate(images) if image and not image.resting]
    onset = RATE // CHUNK
    assert onset < drawn[0] <= onset + 6, "within 0.12 s"
    assert drawn == list(range(drawn[0], len(images))), "an image for each chunk"
    label, clip = generator.asked[drawn[0] - len(images)]
    assert label == "cello"
    assert generator.player == 2
    # The clip is full of the note, however short it is as yet.
    assert root_mean_square(clip.samples) == pytest.approx(0.3 / np.sqrt(2), rel=0.2)


def test_in_silence_the_player_sinks_to_rest_and_nothing_more_is_generated():
    session = LiveSession(LiveGenerator(), RATE)
    session.choose("cello")
    images = play(session, np.concatenate([tone(1), rest(4)]))
    silence = images[RATE // CHUNK :]
    moving = [index for index, image in enumerate(silence) if image]
    assert silence[moving[-1]].resting
    assert moving[-1] * CHUNK / RATE < 0.6
    assert silence[moving[-1]].image.mean() < silence[moving[0]].image.mean(), "it sank"


def test_before_anything_sounds_a_chosen_player_rests_and_a_recognized_one_is_not_known():
    chosen, recognized = LiveSession(LiveGenerator(), RATE), LiveSession(LiveGenerator(), RATE)
    chosen.choose("flute")
    recognized.choose(None)
    images = [image for image in play(chosen, rest(2)) if image]
    assert [(image.label, image.resting) for image in images] == [("flute", True)]
    assert not any(play(recognized, rest(2)))


def test_another_choice_shows_in_a_rest_too():
    session = LiveSession(LiveGenerator(), RATE)
    session.choose("cello")
    play(session, np.concatenate([tone(1), rest(3)]))
    session.choose("violin")
    images = [image for image in play(session, rest(1)) if image]
    assert [image.label for image in images] == ["violin"]


def test_the_instrument_is_recognized_now_and_then_while_it_sounds():
    generator = LiveGenerator()
    session = LiveSession(generator, RATE)
    session.choose(None)
    images = [
        image for image in play(session, np.concatenate([rest(1), tone(2), rest(2)])) if image
    ]
    assert {image.label for image in images} == {"violin"}
    assert images[0].description == "violin (90%)"
    assert 6 <= len(generator.recognized) <= 8, "four times a second from 0.25 s on"


def test_a_chosen_instrument_is_not_recognized():
    generator = LiveGenerator()
    session = LiveSession(generator, RATE)
    session.choose("cello")
    play(session, tone(1))
    assert generator.recognized == []


def test_of_a_sound_that_is_no_instrument_the_player_rests():
    session = LiveSession(LiveGenerator(recognition(violin=0.2, none=0.7)), RATE)
    session.choose(None)
    images = [image for image in play(session, tone(2)) if image]
    assert [image.resting for image in images] == [True]
    assert images[0].description == "none of the instruments (70%)"


@pytest.mark.parametrize("rate", [0, 7_999, 192_001])
def test_a_rate_that_no_browser_has_is_refused(rate):
    with pytest.raises(UserError, match=f"received a rate of {rate} Hz"):
        LiveSession(LiveGenerator(), rate)


def test_unknown_labels_and_players_are_refused():
    session = LiveSession(LiveGenerator(), RATE)
    with pytest.raises(UserError, match="tuba"):
        session.choose("tuba")
    with pytest.raises(UserError, match="player 3"):
        session.choose("cello", 3)
