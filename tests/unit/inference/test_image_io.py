import errno
import io
import threading
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cargan_tf.errors import UserError
from cargan_tf.inference import image_io
from cargan_tf.inference.image_io import (
    AUDIO_SUFFIXES,
    STANDARD,
    check_image_name,
    encode_image,
    plan_outputs,
    save_image,
    save_in_background,
)

GREY = np.full((8, 6, 3), 128, np.uint8)


@pytest.fixture
def sounds(tmp_path, monkeypatch):
    """Makes empty sound files in the working folder."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        paths = [Path(name) for name in names]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return paths

    return make


def test_an_image_has_its_sounds_name_and_lies_in_the_working_folder(sounds):
    (clip,) = sounds("music/clip.wav")
    assert plan_outputs([clip], None) == {clip: Path("clip.png")}


def test_out_names_the_image_of_a_single_sound(sounds):
    (clip,) = sounds("clip.wav")
    assert plan_outputs([clip], Path("new/other.jpg")) == {clip: Path("new/other.jpg")}


def test_out_may_be_a_folder_for_a_single_sound(sounds):
    (clip,) = sounds("clip.wav")
    Path("out.d").mkdir()
    assert plan_outputs([clip], Path("out.d")) == {clip: Path("out.d/clip.png")}


def test_out_is_a_folder_for_several(sounds):
    files = sounds("a.wav", "b.wav")
    assert list(plan_outputs(files, Path("out")).values()) == [
        Path("out/a.png"),
        Path("out/b.png"),
    ]


def test_out_cannot_be_one_image_for_several(sounds):
    with pytest.raises(UserError, match=r"2 sounds cannot become the one image x\.png"):
        plan_outputs(sounds("a.wav", "b.wav"), Path("x.png"))


def test_a_sound_named_twice_is_drawn_once(sounds):
    (clip,) = sounds("clip.wav")
    assert plan_outputs([clip, Path("./clip.wav")], Path("x.png")) == {clip: Path("x.png")}


@pytest.mark.parametrize("out", ["image.xyz", "clip.wav", "image.pgn"])
def test_out_must_be_the_name_of_an_image(sounds, out):
    with pytest.raises(UserError, match=r"no image format has the ending .*; use \.png"):
        plan_outputs(sounds("clip.wav"), Path(out))


def test_a_folder_stands_for_the_sounds_below_it_in_order(sounds):
    sounds("in/b.wav", "in/a.wav", "in/sub/c.flac", "in/notes.txt", "in/cover.png")
    plan = plan_outputs([Path("in")], None)
    assert [str(file) for file in plan] == ["in/a.wav", "in/b.wav", "in/sub/c.flac"]


def test_a_folder_with_one_sound_still_asks_for_a_folder(sounds):
    sounds("in/a.wav")
    with pytest.raises(UserError, match=r"1 sound cannot become the one image x\.png"):
        plan_outputs([Path("in")], Path("x.png"))


@pytest.mark.parametrize("ending", sorted(AUDIO_SUFFIXES))
def test_every_ending_in_either_case(sounds, ending):
    files = sounds(f"in/a{ending}", f"in/b{ending.upper()}")
    assert list(plan_outputs([Path("in")], None)) == files


def test_a_file_named_by_the_user_needs_no_known_ending(sounds):
    (clip,) = sounds("clip.snd")
    assert list(plan_outputs([clip], None)) == [clip]


@pytest.mark.parametrize(
    "names",
    [
        ("a.wav", "a.mp3", "a.flac"),
        ("a.wav", "x/a.wav", "y/a.wav"),
        ("a.wav", "a.mp3", "x/a.wav", "x/a.mp3", "x/y/a.wav"),
        ("x_y/a.wav", "x/y/a.wav", "a.wav", "y/a.wav", "x/y/a.mp3", "x_y/a.mp3"),
        ("a.wav", "a.wav.flac", "a.mp3"),
        ("a.wav", "A.wav", "A.WAV"),
        ("a.wav", "a_2.wav", "a_2.mp3", "x/a_2.wav"),
    ],
)
def test_no_two_sounds_share_an_image(sounds, names):
    plan = plan_outputs(sounds(*names), None)
    assert len({image.name.casefold() for image in plan.values()}) == len(names)


def test_names_never_run_out(sounds, tmp_path):
    names = image_io._names(tmp_path / "a.wav")
    assert len({next(names) for _ in range(100)}) > 80


def test_a_missing_sound_is_named(sounds):
    with pytest.raises(UserError, match=r"nothing\.wav does not exist"):
        plan_outputs([Path("nothing.wav")], None)


def test_a_folder_without_sounds_is_named_with_what_was_looked_for(sounds):
    sounds("in/notes.txt")
    with pytest.raises(UserError, match=r"in holds no sound files; looked for .*\.flac"):
        plan_outputs([Path("in")], None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("x.png", "PNG"), ("x.JPG", "JPEG"), ("x.webp", "WEBP"), ("x", "PNG"), ("new/x.png", "PNG")],
)
def test_the_ending_decides_the_format(tmp_path, name, kind):
    save_image(GREY, tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert (image.format, image.size) == (kind, (6, 8))


def test_png_keeps_every_level(tmp_path):
    image = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
    save_image(image, tmp_path / "x.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), image)


@pytest.mark.parametrize("name", ["x.xyz", "x.wav", "x.psd"])
def test_an_ending_that_cannot_be_written_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="no image format"):
        save_image(GREY, tmp_path / name)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/x\.png cannot be written: (Not a dir|File exists)"):
        save_image(GREY, tmp_path / "file" / "x.png")


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cargan_tf.utils.files.os.replace", full)
    with pytest.raises(UserError, match=r"x\.png cannot be written: No space left on device"):
        save_image(GREY, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_standard_input_is_a_sound_with_a_name_for_its_image(sounds):
    assert plan_outputs([STANDARD], None) == {STANDARD: Path("stdin.png")}
    assert plan_outputs([STANDARD], STANDARD) == {STANDARD: STANDARD}


def test_standard_output_takes_one_image(sounds):
    with pytest.raises(UserError, match="2 sounds cannot become the one image -"):
        plan_outputs(sounds("a.wav", "b.wav"), STANDARD)


def test_an_image_as_bytes_is_whole():
    with Image.open(io.BytesIO(encode_image(GREY))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), GREY)


def test_a_name_can_be_checked_beforehand(tmp_path):
    check_image_name(tmp_path / "a.jpg")
    with pytest.raises(UserError, match=r"no image format has the ending '\.mp3'"):
        check_image_name(tmp_path / "a.mp3")


def test_items_are_saved_in_order_while_the_next_are_made():
    first_is_saved, saved = threading.Event(), []

    def items():
        yield 0
        assert first_is_saved.wait(20)  # it is not waited for by whoever asks for the next
        yield from range(1, 200)

    def save(item):
        saved.append(item)
        first_is_saved.set()

    for item in save_in_background(items(), save):
        assert saved[item] == item
    assert saved == list(range(200))


def test_what_cannot_be_saved_is_raised_in_its_place():
    saved, given = [], []

    def save(item):
        if item == 3:
            raise UserError("full")
        saved.append(item)

    with pytest.raises(UserError, match="full"):
        given.extend(save_in_background(iter(range(5)), save))
    assert given == [0, 1, 2]
    assert saved[:3] == [0, 1, 2]


def test_an_error_of_the_caller_ends_the_saving():
    def stop_at_once():
        for _ in save_in_background(iter(range(5)), lambda item: None):
            raise KeyError

    with pytest.raises(KeyError):
        stop_at_once()
    assert not [thread for thread in threading.enumerate() if "cargan-saving" in thread.name]


@pytest.mark.parametrize("stem", ["n" * 251, "ü" * 125, "音" * 83])
def test_long_names_are_cut_to_what_a_file_system_takes(sounds, stem):
    files = sounds(f"{stem}.wav", f"{stem}.mp3", f"x/{stem}.wav")
    plan = plan_outputs(files, Path("out"))
    assert len({image.name for image in plan.values()}) == 3
    for image in plan.values():
        assert len(image.name.encode()) <= 255
        assert image.suffix == ".png"
        save_image(GREY, image)
    assert len(list(Path("out").iterdir())) == 3


def test_two_forms_of_one_letter_are_two_images(sounds):
    composed, decomposed = "Fl\u00f6te.wav", "Flo\u0308te.wav"
    plan = plan_outputs(sounds(composed, f"x/{decomposed}"), None)
    names = {unicodedata.normalize("NFC", image.name) for image in plan.values()}
    assert len(names) == 2


@pytest.mark.parametrize(("other", "name"), [("b.mp3", "a+b.png"), ("-", "a+stdin.png")])
def test_a_mix_has_the_names_of_both_sounds(sounds, other, name):
    (clip,) = sounds("a.wav")
    assert plan_outputs([clip], None, Path(other)) == {clip: Path(name)}
    assert plan_outputs([clip], Path("x.png"), Path(other)) == {clip: Path("x.png")}


def test_mixes_of_long_names_can_be_written(sounds):
    files = sounds("n" * 251 + ".wav", "n" * 251 + ".mp3")
    plan = plan_outputs(files, None, Path("m" * 251 + ".wav"))
    assert len({image.name for image in plan.values()}) == 2
    assert all(len(image.name) <= 255 for image in plan.values())


def test_a_folder_is_searched_by_content_where_the_ending_is_unknown(sounds):
    sounds("in/a.wav", "in/empty", "in/notes.txt", "in/._a.wav", "in/._b")
    wav = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"
    Path("in/take").write_bytes(wav)
    Path("in/voice.m4r").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    Path("in/photo.heic").write_bytes(b"\0\0\0\x20ftypheic\0\0\0\0")
    Path("in/text.txt").write_bytes("wide characters".encode("utf-16"))
    Path("in/drawing.lbm").write_bytes(b"FORM\0\0\0\x20ILBMBMHD")
    Path("in/._b").write_bytes(wav)
    found = [str(file) for file in plan_outputs([Path("in")], None)]
    assert found == ["in/a.wav", "in/take", "in/voice.m4r"]


def test_links_in_a_circle_are_followed_once(sounds):
    sounds("in/a.wav", "elsewhere/b.wav")
    Path("in/self").symlink_to(".")
    Path("in/up").symlink_to("..")
    Path("in/linked").symlink_to("../elsewhere")
    found = [file.name for file in plan_outputs([Path("in")], None)]
    assert found.count("a.wav") == 1
    assert found.count("b.wav") == 1
