"""What came with the package, as TensorFlow Serving would run it and as a newcomer meets it."""

import hashlib
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from helpers.serving import graph_of, operations_used

from cargan_tf.export.metadata import read_metadata
from cargan_tf.export.model_registry import exported_models
from cargan_tf.export.saved_model import read_warm_up
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.video import generate_frames, plan_video

pytestmark = pytest.mark.slow

RATE = 44_100
SIGNATURES = {"serving_default", "serving_wav", "coarse", "soft_labels", "recognize", "metadata"}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The folder of the version that draws where nobody exported one."""
    model = exported_models(tmp_path_factory.mktemp("nothing_exported"))[0]
    assert model.shipped
    return model.version


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Half a second of a bowed tone's overtones, as a WAV file of 16-bit PCM."""
    times = np.arange(RATE // 2) / RATE
    tone = sum(np.sin(2 * np.pi * 440 * part * times) / part for part in range(1, 16))
    file = tmp_path_factory.mktemp("sounds") / "clip.wav"
    soundfile.write(file, 0.2 * tone, RATE, subtype="PCM_16")
    return file


def test_its_files_are_those_of_its_card(shipped):
    hashes = json.loads((shipped / "model.json").read_text("utf-8"))["hashes"]
    assert "saved_model.pb" in hashes
    for name, expected in hashes.items():
        assert hashlib.sha256((shipped / name).read_bytes()).hexdigest() == expected


def test_it_offers_everything_and_warms_it_up(shipped):
    assert set(graph_of(shipped).signature_def) - {"__saved_model_init_op"} == SIGNATURES
    warm_up = {request.model_spec.signature_name for request in read_warm_up(shipped)}
    assert warm_up == SIGNATURES - {"metadata"}


def test_it_is_of_operations_of_the_plain_build(shipped, plain_operations):
    used = operations_used(graph_of(shipped))
    assert "Conv2D" in used
    assert used <= plain_operations, used - plain_operations


@pytest.mark.parametrize("output", ["image", "png_bytes"])
def test_a_c_program_draws_the_same_byte_for_byte(shipped, clip, drawn_by_c, output):
    label = read_metadata(shipped).labels[-1]
    done, generated = drawn_by_c(shipped, "serving_wav", clip, label, output)
    assert done.returncode == 0, done.stderr
    served = tf.saved_model.load(str(shipped)).signatures["serving_wav"]
    made = served(wav_bytes=tf.constant([clip.read_bytes()]), label=tf.constant([label]))
    expected = made[output].numpy()[0]
    assert generated == (expected if isinstance(expected, bytes) else expected.tobytes())


def test_a_note_at_2_seconds_moves_its_player_there_and_not_before(shipped):
    generator = Generator.load(shipped)
    rate = generator.sample_rate
    times = np.arange(round(1.5 * rate)) / rate
    note = sum(np.sin(2 * np.pi * 330 * part * times) / part for part in range(1, 12))
    sound = np.zeros(4 * rate, np.float32)
    sound[2 * rate : 2 * rate + len(note)] = 0.1 * note
    plan = plan_video(generator, sound)
    images = [one.image.astype(int) for one in generate_frames(generator, sound, plan, "violin")]
    change = np.array([np.abs(b - a).mean() for a, b in pairwise(images)])  # frame k + 1 differs
    moved = np.flatnonzero(change > 0.25 * change.max()) + 1
    assert 49 <= moved[0] <= 51
    assert not change[:48].any()
    assert not change[-2:].any()


def test_both_backends_draw_the_samples_alike(shipped):
    """The 13 samples of the repository, each as it is recognized; to one level of 255."""
    samples = sorted((Path(__file__).parents[3] / "samples").glob("*.wav"))
    assert len(samples) == 13
    made = [
        [
            result
            for _, result in Generator.load(shipped, backend).generate_files(samples, [None] * 13)
        ]
        for backend in ("onnxruntime", "tensorflow")
    ]
    for ours, theirs in zip(*made, strict=True):
        assert np.abs(ours.image.astype(int) - theirs.image.astype(int)).max() <= 1
        assert np.abs(ours.coarse.astype(int) - theirs.coarse.astype(int)).max() <= 1
        assert ours.image.std() > 20
        assert ours.recognition.label == theirs.recognition.label
        for label, probability in ours.recognition.probabilities.items():
            assert probability == pytest.approx(theirs.recognition.probabilities[label], abs=1e-3)


def test_a_newcomer_reads_what_was_drawn_and_nothing_else(shipped, clip, tmp_path):
    command = [sys.executable, "-m", "cargan_cli.main", "generate", clip, "--label", "violin"]
    environment = {name: os.environ[name] for name in os.environ if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    model = "Model: players-128 version 1 (128×128, shipped)\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "clip.png\n", model)
    with soundfile.SoundFile(clip) as sound:
        expected = Generator.load(shipped).generate(sound.read(), RATE, "violin")
    generated = tf.io.decode_png((tmp_path / "clip.png").read_bytes()).numpy()
    assert np.abs(generated.astype(int) - expected).max() <= 1
