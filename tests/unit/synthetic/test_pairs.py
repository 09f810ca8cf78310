from __future__ import annotations

import wave
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from cargan_tf.errors import UserError
from cargan_tf.synthetic.figure import Pose, player_looks
from cargan_tf.synthetic.pairs import Job, write_pairs
from cargan_tf.synthetic.scene import background, draw_player
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.synthetic.timbre import INSTRUMENTS, PLAYERS


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    return Job(folder, "flute", recording=4, split="validation", clips=3, seed=2, soundfonts=())


@pytest.fixture(scope="module")
def written(job):
    return write_pairs(job)


def sound(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert file.getframerate() == SAMPLE_RATE
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_files_of_the_rows_exist_and_no_others(job, written):
    assert set(files(job.folder)) == {name for row in written for name in (row.audio, row.image)}


def test_there_is_a_row_for_every_clip_in_order(written):
    starts = [row.start_ms for row in written]
    assert len(starts) == 3
    assert starts == sorted(set(starts))


def test_rows_name_split_recording_and_player(written):
    named = {(row.split, row.label, row.recording, row.player) for row in written}
    assert named == {("validation", "flute", "flute04", "flute_p4")}


def test_sounds_last_half_a_second_and_are_as_loud_as_the_row_says(job, written):
    for row in written:
        samples = sound(job.folder / row.audio)
        assert len(samples) == SAMPLE_RATE // 2
        assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(row.loudness_db, abs=0.01)


def test_poses_are_the_notes_place_in_the_instruments_range(written):
    flute = INSTRUMENTS["flute"]
    for row in written:
        assert row.pose_pitch == pytest.approx((row.midi - flute.lowest) / flute.span, abs=1e-4)
        assert 0 <= row.pose_loudness <= 1


def test_images_show_the_rows_player_in_the_rows_pose(job, written):
    shown = [np.asarray(Image.open(job.folder / row.image), float) for row in written]
    look = player_looks("flute", job.seed)[4]
    for number, row in enumerate(written):
        pose = Pose(row.pose_pitch, row.pose_loudness)
        wanted = np.asarray(draw_player("flute", look, pose, background(look)), float)
        differences = [np.abs(image - wanted).mean() for image in shown]
        assert np.argmin(differences) == number
        assert differences[number] < 4  # JPEG


def test_the_same_job_gives_the_same_bytes(job, written, tmp_path):
    assert write_pairs(replace(job, folder=tmp_path)) == written
    assert files(tmp_path) == files(job.folder)


def test_jobs_share_a_folder(job, tmp_path):
    rows = [
        row
        for number in (0, PLAYERS)
        for row in write_pairs(replace(job, folder=tmp_path, recording=number, clips=1))
    ]
    assert len({row.audio for row in rows}) == 2
    assert len(files(tmp_path)) == 4
    assert rows[0].player == rows[1].player


def test_a_whole_set_holds_the_same_rows_and_files(small_set, rows, tmp_path):
    job = Job(tmp_path, "violin", recording=0, split="train", clips=2, seed=3, soundfonts=())
    mine = [{name: str(value) for name, value in asdict(row).items()} for row in write_pairs(job)]
    assert mine == [row for row in rows if row["recording"] == "violin00"]
    for row in mine:
        for name in (row["audio"], row["image"]):
            assert (tmp_path / name).read_bytes() == (small_set / name).read_bytes()


def test_a_soundfont_that_cannot_be_used_is_refused(job, tmp_path):
    broken = tmp_path / "broken.sf2"
    broken.write_text("no SoundFont")
    with pytest.raises(UserError):
        write_pairs(replace(job, folder=tmp_path / "out", soundfonts=(broken,)))
