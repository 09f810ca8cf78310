import json

import pytest

from cargan_tf.config import (
    Config,
    config_from_json,
    load_config,
    overlay,
    override,
    shipped_configs,
)
from cargan_tf.config.loading import RENAMED
from cargan_tf.errors import UserError


@pytest.fixture
def yaml_file(tmp_path):
    def write(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return write


def test_paper_and_quickstart_ship():
    assert {"paper", "quickstart"} <= set(shipped_configs())


@pytest.mark.parametrize("name", shipped_configs())
def test_a_shipped_configuration_loads_under_its_name(name):
    named = name.replace("ablations/", "ablation-").rpartition("/")[2]
    assert load_config(name).name == named


@pytest.mark.parametrize("name", shipped_configs())
def test_a_configuration_survives_json(name):
    config = load_config(name)
    values = json.loads(json.dumps(config.model_dump(mode="json"), allow_nan=False))
    assert config_from_json(values, "test") == config


def test_paper_is_what_the_settings_are_by_default():
    """Their values and sources: the tests of each section."""
    assert load_config("paper") == Config()


def test_quickstart_is_small():
    config = load_config("quickstart")
    assert config.data.image_size == 64
    assert config.model.generator_width < load_config("paper").model.generator_width
    assert config.classifier.weights == "none"


def test_the_name_is_the_files(yaml_file):
    assert load_config(yaml_file("training: {batch_size: 8}", "rehearsal.yaml")).name == "rehearsal"


def test_a_name_in_the_file_goes_before_the_files(yaml_file):
    assert load_config(yaml_file("name: other")).name == "other"


def test_a_file_states_only_what_differs(yaml_file):
    config = load_config(yaml_file("training:\n  batch_size: 8\n"))
    assert config.training.batch_size == 8
    assert config.model_copy(update={"training": Config().training, "name": "paper"}) == Config()


@pytest.mark.parametrize("text", ["", "# nothing", "training:\n  # batch_size: 8\n"])
def test_what_is_empty_changes_nothing(yaml_file, text):
    assert load_config(yaml_file(text, "paper.yaml")) == load_config("paper")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("training.batch_size=8", lambda c: c.training.batch_size == 8),
        (" training.batch_size =8", lambda c: c.training.batch_size == 8),
        ("training.learning_rate=1e-3", lambda c: c.training.learning_rate == 1e-3),
        ("training.steps=null", lambda c: c.training.steps is None),
        ("audio.f_max=null", lambda c: c.audio.f_max is None),
        ("data.cache=no", lambda c: c.data.cache is False),
        ("classifier.blocks=[1,1,2,1]", lambda c: c.classifier.blocks == (1, 1, 2, 1)),
        ("classifier.weights=/a=b.h5", lambda c: c.classifier.weights == "/a=b.h5"),
        ("name=mine", lambda c: c.name == "mine"),
    ],
)
def test_an_override(text, read):
    assert read(load_config("quickstart", [text]))


def test_an_override_of_a_section_adds_to_it():
    before = load_config("quickstart").training
    after = load_config("quickstart", ["training={epochs: 3}"]).training
    assert after == before.model_copy(update={"epochs": 3})


def test_overrides_are_checked_together():
    config = load_config("paper", ["audio.sample_rate=8000", "audio.f_max=4000"])
    assert config.audio.f_max == 4000


def test_the_last_of_two_overrides_holds():
    config = load_config("paper", ["training.batch_size=8", "training.batch_size=16"])
    assert config.training.batch_size == 16


def test_without_overrides_a_configuration_stays_what_it_is():
    config = load_config("quickstart")
    assert override(config, []) == config


def test_an_overlay_changes_what_it_states_and_no_more():
    base = load_config("quickstart", ["training.steps=5"])
    config = overlay(base, "ablations/a")
    assert config.name == "quickstart-ablation-a"
    assert config == override(base, ["model.attention=none", "name=quickstart-ablation-a"])


def test_overlays_lie_upon_each_other(yaml_file):
    mine = yaml_file("training: {batch_size: 3}\nmodel: {stages: 1}")
    config = overlay(overlay(load_config("quickstart"), "baselines/shuffled"), mine)
    assert config.name == "quickstart-shuffled-mine"
    assert (config.training.batch_size, config.model.stages) == (3, 1)
    assert config.data.shuffle_sounds
    assert config.data.image_size == 64


def test_a_bad_overlay_is_told_with_both_names(yaml_file):
    path = yaml_file("model: {spectrogram: jet}")
    with pytest.raises(UserError, match=r"mine\.yaml over quickstart: .*jet needs audio"):
        overlay(load_config("quickstart"), path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("training.batchsize=8", "unknown key 'training.batchsize'. Did you mean 'training.batch_"),
        ("trainig.batch_size=8", "unknown key 'trainig'. Did you mean 'training'?"),
        ("learning_rate=1", "'evaluator.learning_rate' or 'training.learning_rate'?"),
        ("audio.image_size=64", "Did you mean 'data.image_size'?"),
        ("training.batch_size", "expected KEY=VALUE, such as training.batch_size=8"),
        ("training=5", "training is a section"),
        ("training=null", "training is a section"),
        ("training.batch_size.x=5", "'batch_size' is a value, not a section"),
        ("training.batch_size=[", "'[' is not a valid value"),
        ("training.batch_size=", "training.batch_size = None is invalid"),
        (
            "training.batch_size=-1",
            "training.batch_size = -1 is invalid: Input should be gr",
        ),
        ("training.batch_size=many", "training.batch_size = 'many' is invalid"),
        ("training.batch_size=yes", "it is not a switch"),
        ("training.learning_rate=.nan", "finite"),
        ("model.attention=sagn", "'sagan', 'authors' or 'none'"),
        ("classifier.blocks=[1,1,1]", "classifier.blocks.3 is missing; received [1, 1, 1]"),
        ("data.image_size=100", "power of two, received 100"),
        ("audio.f_max=1e9", "f_max 1000000000.0 <= sample_rate / 2"),
        ("=5", "unknown key ''"),
    ],
)
def test_a_bad_override_is_told_in_one_line(text, said):
    with pytest.raises(UserError) as caught:
        load_config("quickstart", [text])
    message = str(caught.value)
    assert said in message
    assert message.startswith("--set")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("training: {batchsize: 8}", "unknown key 'training.batchsize'. Did you mean 'training.ba"),
        ("trainin: {batch_size: 8}", "unknown key 'trainin'. Did you mean 'training'?"),
        ("training: {batch_size: 0}", "training.batch_size = 0 is invalid"),
        ("training: [1, 2]", "training is a section"),
        ("- a\n- b", "must hold sections"),
        ("just text", "must hold sections"),
        ("training: {batch_size: 8", "is not valid YAML"),
        ("name: 5", "name = 5 is invalid"),
    ],
)
def test_a_bad_file_is_told_in_one_line_with_its_name(yaml_file, text, said):
    path = yaml_file(text)
    with pytest.raises(UserError) as caught:
        load_config(path)
    message = str(caught.value)
    assert said in message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_an_unknown_key_is_told_before_what_may_follow_from_it(yaml_file):
    path = yaml_file("training: {batch_size: 0, batchsize: 8}")
    with pytest.raises(UserError, match="unknown key"):
        load_config(path)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"quickstart.* Did you mean 'quickstart'\?"):
        load_config("quickstrat")


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_a_file_that_cannot_be_read(tmp_path, kind):
    path = tmp_path / "x.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"neither a readable file nor one of .*paper"):
        load_config(path)


def test_json_from_another_version_names_its_file():
    with pytest.raises(UserError, match=r"run\.json: unknown key 'gone'"):
        config_from_json({"gone": 1}, "run.json")


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_setting_of_version_0_1_is_answered_with_its_new_name(old, new, tmp_path):
    said = rf"'{old}' is called '{new}' since version 0\.2\.$"
    with pytest.raises(UserError, match=said):
        load_config("paper", [f"{old}=1"])
    section, _, key = old.partition(".")
    file = tmp_path / "old.yaml"
    file.write_text(f"{section}: {{{key}: 1}}" if key else f"{section}: {{steps: 1}}")
    with pytest.raises(UserError, match=said):
        load_config(file)


@pytest.mark.parametrize("new", RENAMED.values())
def test_the_new_name_of_a_setting_exists(new):
    values = Config().model_dump()
    for key in new.split("."):
        assert key in values
        values = values[key]
