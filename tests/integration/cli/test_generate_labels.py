"""The instrument as `cargan generate` takes it, finds it and tells it."""

import re
import shutil

import numpy as np
import pytest
from helpers.cli import values_of, write_words


@pytest.mark.parametrize("label", ["violin", "vn", "Violin", "fiddle"])
def test_a_label_may_be_a_name_in_common_use(generate, write_sound, label):
    assert generate(write_sound("clip.wav"), label=label).status == 0


def test_an_unknown_label_is_answered_with_the_nearest(generate, write_sound, tmp_path):
    error = generate(write_sound("clip.wav"), label="violinn").error
    assert "unknown label 'violinn'. Did you mean 'violin'?" in error
    assert "Known labels: cello, flute, violin." in error
    assert not list(tmp_path.glob("*.png"))


def test_a_label_of_another_model_is_refused(generate, write_sound):
    assert "unknown label 'tuba'" in generate(write_sound("clip.wav"), label="tuba").error


def test_without_a_label_the_instrument_is_recognized_and_told(
    cargan, tiny_model, write_sound, tmp_path
):
    write_sound("clip.wav")
    done = cargan("generate", "clip.wav", "--model", tiny_model, cwd=tmp_path)
    assert (done.status, done.out) == (0, "clip.png\n")
    one = r"(cello|flute|violin) \(\d+%\)"
    unsure = rf"(none of the instruments \(\d+%\); {one}|{one}(, {one} or {one})?)\n"
    assert re.match(rf"clip\.wav: sounds like {unsure}", done.err)


def test_a_run_without_sound_classifier_asks_for_the_label(cargan, run, write_sound, tmp_path):
    shutil.rmtree(run / "sound_classifier")
    error = cargan("generate", write_sound("clip.wav"), "--model", run, cwd=tmp_path).error
    assert "no sound classifier" in error
    assert "give a label, one of cello, flute, violin" in error


def test_json_tells_a_program_all_there_is(generate, write_sound, tiny_model, tmp_path):
    samples = np.concatenate([np.zeros(8_000), np.sin(np.arange(3_000) * 0.3)])
    write_sound("a.wav", samples=samples)
    write_words(tmp_path / "b.wav")
    done = generate("a.wav", "b.wav", "--start", 1, "--json", label="vn")
    first, second = values_of(done)
    assert first == {
        "path": "a.wav",
        "label": "violin",
        "label_weights": {"violin": 1.0},
        "confidence": None,
        "recognition": None,
        "start": 1.0,
        "model": f"{tiny_model.name}/1",
        "backend": "onnxruntime",
        "warnings": ["shorter than a clip; 0.12 s of silence were added"],
        "output": "a.png",
    }
    assert second["path"] == "b.wav"
    assert "cannot be read as sound" in second["error"]
    assert done.status == 2


def test_a_mix_of_labels(cargan, tiny_model, write_sound, tmp_path):
    write_sound("clip.wav")
    for mix, fractions in (
        ("vn=1,cello=3", {"cello": 0.75, "violin": 0.25}),
        ("vn=0.3,cello=0.7", {"cello": 0.7, "violin": 0.3}),  # no float32 is either
    ):
        words = ("--label-mix", mix, "--json", "--model", tiny_model)
        (values,) = values_of(cargan("generate", "clip.wav", *words, cwd=tmp_path))
        assert values["label_weights"] == fractions
