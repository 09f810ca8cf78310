import pytest
from pydantic import BaseModel, ValidationError

from cargan_tf.config import Config, TrainingConfig


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
