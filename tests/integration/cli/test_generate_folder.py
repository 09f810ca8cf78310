"""Every sound of a folder is drawn or named, whatever happens to its neighbours."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from robustness.valid_files import coded_sound


def answers(done):
    return {line["path"]: line for line in map(json.loads, done.out.splitlines())}


def test_sounds_are_found_by_their_content_and_the_files_of_a_mac_are_passed_over(
    generate, write_sound, tmp_path
):
    (tmp_path / "in" / "deep" / "er").mkdir(parents=True)
    write_sound("in/a.wav")
    shutil.copy(tmp_path / "in" / "a.wav", tmp_path / "in" / "deep" / "er" / "recording")
    shutil.copy(tmp_path / "in" / "a.wav", tmp_path / "in" / "b.voice")
    (tmp_path / "in" / "c.3ga").write_bytes(coded_sound("m4a", np.random.default_rng(0)))
    (tmp_path / "in" / "._a.wav").write_bytes(b"\0\5\x16\7Mac OS X")
    (tmp_path / "in" / "notes.txt").write_text("no sound")
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "cover.jpg")
    (tmp_path / "in" / "deep" / "up").symlink_to(tmp_path / "in")
    done = generate("in", "-o", "out", "--json")
    found = {"in/a.wav", "in/b.voice", "in/c.3ga", "in/deep/er/recording"}
    assert answers(done).keys() == found
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_what_cannot_be_read_or_written_is_named_and_the_others_are_drawn(
    generate, write_sound, tmp_path
):
    (tmp_path / "in").mkdir()
    long = "n" * 236 + ".wav"  # 240 bytes
    longest = "ü" * 125 + ".wav"  # 254 bytes
    for name in ("a.wav", "b.wav", "b.flac", "c.wav", "Flöte.wav", long, longest):
        write_sound(f"in/{name}")
    (tmp_path / "in" / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "in" / "gone.wav").symlink_to("nowhere")
    (tmp_path / "out" / "c.png").mkdir(parents=True)
    (tmp_path / "out" / "c.png" / "full").touch()
    done = generate("in", "-o", "out", "--json")
    assert done.status == 2
    report = answers(done)
    assert len(report) == 9
    failed = {path for path, line in report.items() if "error" in line}
    assert failed == {"in/broken.wav", "in/gone.wav", "in/c.wav"}
    assert "c.png cannot be written" in report["in/c.wav"]["error"]
    outputs = {line["output"] for path, line in report.items() if path not in failed}
    assert len(outputs) == 6
    for output in outputs:
        with Image.open(tmp_path / output) as image:
            image.load()
    assert "3 of 9 sounds failed" in done.err


def test_the_image_of_a_mix_is_not_that_of_the_sound_alone(generate, write_sound, tmp_path):
    write_sound("a.wav")
    write_sound("b.wav", samples=np.sin(np.arange(4_000)))
    assert generate("a.wav").out.split() == ["a.png"]
    alone = (tmp_path / "a.png").read_bytes()
    assert generate("a.wav", "--mix", "b.wav").out.split() == ["a+b.png"]
    assert (tmp_path / "a.png").read_bytes() == alone
    assert (tmp_path / "a+b.png").is_file()


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (lambda note: np.stack([note, -note], 1), "opposite in sign"),
        (lambda note: np.stack([note, 0 * note], 1), "1 of its 2 channels are silent"),
        (lambda note: note * 32_768, "16-bit integers"),
    ],
)
def test_what_was_put_right_is_said(generate, write_sound, tmp_path, samples, said):
    import soundfile

    write_sound("clip.wav")
    note, rate = soundfile.read(tmp_path / "clip.wav")
    soundfile.write(tmp_path / "clip.wav", samples(note), rate, subtype="FLOAT")
    done = generate("clip.wav")
    assert said in done.err
    assert "silent (" not in done.err
