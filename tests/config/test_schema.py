import pytest
from pydantic import BaseModel, ValidationError

from cargan_tf.config import AudioConfig, ClassifierConfig, Config, DataConfig, TrainingConfig


def _fields(model, prefix=""):
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field


FIELDS = dict(_fields(Config))


@pytest.mark.parametrize("path", FIELDS)
def test_every_setting_says_why_it_is_what_it_is(path):
    assert len(FIELDS[path].description or "") > 5


@pytest.mark.parametrize("path", FIELDS)
def test_an_infinite_value_fits_nowhere(path):
    section, _, name = path.rpartition(".")
    value = float("inf")
    with pytest.raises(ValidationError):
        Config.model_validate({section: {name: value}} if section else {name: value})


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (AudioConfig, {"sample_rate": 100}),
        (AudioConfig, {"clip_seconds": 0}),
        (AudioConfig, {"n_fft": 2047}),
        (AudioConfig, {"hop_length": 0}),
        (AudioConfig, {"f_max": 30_000}),
        (AudioConfig, {"f_min": 5_000, "f_max": 4_000}),
        (AudioConfig, {"noise_flatness": 1.5}),
        (DataConfig, {"image_size": 100}),
        (DataConfig, {"image_size": 8}),
        (DataConfig, {"freq_mask": -1}),
        (ClassifierConfig, {"blocks": (3, 4, 6)}),
        (ClassifierConfig, {"blocks": (3, 4, 6, 0)}),
        (ClassifierConfig, {"minimum_accuracy": 1.1}),
        (TrainingConfig, {"batch_size": 0}),
        (TrainingConfig, {"batch_size": 2.5}),
        (TrainingConfig, {"batch_size": True}),
        (TrainingConfig, {"learning_rate": 0}),
        (TrainingConfig, {"adam_beta_1": 1}),
        (TrainingConfig, {"seed": 2**31}),
        (TrainingConfig, {"steps": 0}),
        (TrainingConfig, {"no_such_key": 1}),
    ],
)
def test_a_value_out_of_bounds_is_refused(section, values):
    with pytest.raises(ValidationError):
        section(**values)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\nb"])
def test_a_name_must_do_for_a_folder(name):
    with pytest.raises(ValidationError):
        Config(name=name)


def test_settings_are_frozen():
    config = Config()
    with pytest.raises(ValidationError):
        config.training.batch_size = 8
    with pytest.raises(ValidationError):
        config.training = TrainingConfig()


def test_a_clip_of_sub_urmp_is_22_050_samples_and_44_frames():
    audio = AudioConfig()
    assert (audio.clip_samples, audio.frames) == (22_050, 44)
