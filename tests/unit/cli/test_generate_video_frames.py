from types import SimpleNamespace

import pytest
from cargan_cli.generate import write_video_file
from cargan_cli.sounds import Results

from cargan_tf.errors import UserError
from cargan_tf.inference.video import VideoResult


@pytest.fixture
def drawn_from(monkeypatch):
    """What ``generate_video`` was given as the sound, by each call."""
    sources = []

    def draw(generator, source, *rest):
        sources.append(source)
        return VideoResult({"cello": 1.0}, None, 5, 0.5, 0, 0)

    monkeypatch.setattr("cargan_tf.inference.video.generate_video", draw)
    return sources


def draw(sounds, file):
    model = SimpleNamespace(backend="onnxruntime", origin="players-128/1")
    write_video_file(sounds, file, None, lambda: model, None, None, Results(as_json=False))


def test_a_folder_stands_for_the_one_sound_in_it(drawn_from, write_sound, tmp_path):
    sound = write_sound("folder/tune.wav")
    draw((sound.parent,), tmp_path / "tune.mp4")
    draw((sound, sound), tmp_path / "tune.mp4")
    assert drawn_from == [sound, sound]


def test_of_a_folder_it_is_told_how_many_sounds_it_holds(drawn_from, write_sound, tmp_path):
    for name in ("a", "b", "c"):
        sound = write_sound(f"folder/{name}.wav")
    with pytest.raises(UserError, match="3 sounds cannot become the one video"):
        draw((sound.parent,), tmp_path / "tune.mp4")
    assert not drawn_from
