"""What must hold whatever the input, by hypothesis; always the same examples."""

import io
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cargan_tf.audio.decode import read_audio
from cargan_tf.audio.quality import ClipQuality
from cargan_tf.config import Config, config_from_json, override
from cargan_tf.data.pairs import NO_SPLIT, SPLITS, Pair, Source
from cargan_tf.data.records import parse, serialize
from cargan_tf.data.reference_spectrograms import FRAMES, N_MELS, read_jet_image, render_jet_image
from cargan_tf.data.splits import with_splits
from cargan_tf.errors import UserError, one_line
from cargan_tf.labels import (
    ALIASES,
    SUB_URMP_LABELS,
    canonical_label,
    fold,
    label_index,
    label_weights,
    parse_label_mix,
    weights_by_label,
)

fixed = settings(derandomize=True, max_examples=30, deadline=None, database=None)
few = settings(fixed, max_examples=6)

labels = st.sampled_from(SUB_URMP_LABELS)
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=12)


@fixed
@given(st.sampled_from(sorted([*ALIASES, *SUB_URMP_LABELS])), st.data())
def test_a_name_means_the_same_in_any_spelling(name, data):
    parts = name.split("_")
    joined = data.draw(st.sampled_from([" ", "_", "-", "  "])).join(parts)
    spelled = data.draw(st.sampled_from([str.upper, str.title, str.lower]))(f" {joined} ")
    assert canonical_label(spelled) == canonical_label(name)
    assert SUB_URMP_LABELS[label_index(spelled, SUB_URMP_LABELS)] == ALIASES.get(name, name)


@fixed
@given(st.text(max_size=20))
def test_folding_once_is_enough(name):
    assert fold(fold(name)) == fold(name)


@fixed
@given(st.dictionaries(labels, st.floats(0.01, 100), min_size=1, max_size=5))
def test_a_mix_of_labels_survives_being_written(fractions):
    read = parse_label_mix(
        ", ".join(f"{label} = {fraction!r}" for label, fraction in fractions.items())
    )
    assert read == fractions
    weights = label_weights(read, SUB_URMP_LABELS)
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    total = sum(fractions.values())
    expected = {label: fraction / total for label, fraction in fractions.items()}
    assert weights_by_label(weights, SUB_URMP_LABELS) == pytest.approx(expected, rel=1e-5)


@fixed
@given(st.lists(st.tuples(labels, st.integers(0, 30)), min_size=1, max_size=60, unique=True))
def test_every_recording_is_in_one_split_and_every_label_is_trained_on(recordings):
    pairs = tuple(
        Pair(NO_SPLIT, label, f"{label}{number}", start, Path("a"), Path("b"))
        for label, number in recordings
        for start in (0, 500)
    )
    dealt = with_splits(Source(pairs, (), Path(), "manifest"), Config().data).pairs
    assert Counter(pair.id for pair in dealt) == Counter(pair.id for pair in pairs)
    splits = {(pair.recording, pair.split) for pair in dealt}
    assert len(splits) == len(recordings)
    assert {split for _, split in splits} <= set(SPLITS)
    trained = {pair.label for pair in dealt if pair.split == "train"}
    assert trained == {label for label, _ in recordings}


@few
@given(st.integers(0, 2**32 - 1))
def test_a_log_mel_comes_back_from_its_jet_image(seed):
    log_mel = np.random.default_rng(seed).random((N_MELS, FRAMES), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.png"
        render_jet_image(log_mel).save(path)
        read = read_jet_image(path)
    # Half a step of 256 colors; a few blues are the same color, so not everywhere.
    assert np.mean(np.abs(read - log_mel)) < 2 / 256


@few
@given(words, words, words, st.integers(0, 10**9), st.integers(0, 2**32 - 1))
def test_a_record_gives_back_what_was_put_in(label, recording, player, start, seed):
    random = np.random.default_rng(seed)
    log_mel = random.normal(0, 50, (4, 6)).astype(np.float32)
    photo = random.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    pair = Pair("train", label, recording, start, Path("a"), Path("b"), player)
    quality = ClipQuality(-20.0, 0.25, silent=False, noise_like=False)
    content = serialize(pair, log_mel, np.zeros(5, np.int16), photo, 7, quality)
    read = parse(tf.constant([content]), 4, 6, 8, samples=5)
    np.testing.assert_array_equal(read["log_mel"][0], log_mel)
    np.testing.assert_array_equal(read["photo"][0], photo)
    assert read["id"][0].numpy().decode() == f"{label}/{recording}/{start}"
    assert read["player"][0].numpy().decode() == player
    assert (int(read["label"][0]), int(read["start_ms"][0])) == (7, start)


@fixed
@given(
    st.integers(1, 4096),
    st.floats(1e-9, 0.1),
    st.sampled_from(["log-mel", "jet"]),
)
def test_a_configuration_survives_json_and_overrides(batch, rate, spectrogram):
    texts = [f"training.batch_size={batch}", f"training.learning_rate={rate!r}"]
    config = override(Config(), [*texts, f"loss.l1={rate!r}"])
    assert (config.training.batch_size, config.training.learning_rate) == (batch, rate)
    assert config_from_json(config.model_dump(mode="json"), "here") == config
    assert override(config, []) == config


@fixed
@given(st.text(max_size=30))
def test_any_override_is_taken_or_refused_with_a_message(text):
    said = "one line"
    try:
        override(Config(), [text])
    except UserError as error:
        said = str(error)
    assert len(said.splitlines()) == 1


@few
@given(
    st.integers(1, 8),
    st.sampled_from(["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]),
    st.integers(1, 300_000),
    st.integers(0, 2**32 - 1),
)
def test_a_wav_is_what_soundfile_reads(channels, subtype, frames, seed):
    samples = np.random.default_rng(seed).uniform(-1, 1, (frames, channels))
    content = io.BytesIO()
    soundfile.write(content, samples, 8_000, format="WAV", subtype=subtype)
    content.seek(0)
    whole, _ = soundfile.read(content, dtype="float32", always_2d=True)
    content.seek(0)
    expected = whole.mean(axis=1, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(read_audio(content, 8_000), expected)


@fixed
@given(st.binary(max_size=30))
def test_any_name_of_a_file_can_be_told_in_one_line(name):
    said = one_line(name.decode("utf-8", "surrogateescape"))
    assume(said)
    assert len(said.splitlines()) == 1
    said.encode()
