import re

import pytest
import yaml

from cargan_tf.config import load_config
from cargan_tf.config.loading import MAX_CHARACTERS, load_yaml
from cargan_tf.errors import UserError

LAUGHS = "\n".join(
    [
        "a0: &a0 [lol, lol]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)),
    ]
)


@pytest.mark.parametrize(
    "text",
    ["", "training: {batch_size: 8}", "a: [1, 2.5, yes, null, text]", "a:\n  b:\n  - c: 0x1f\n"],
)
def test_plain_values_are_those_of_pyyaml(text):
    assert load_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "alias *a0: write the value out"),
        ("training: &a\n  seed: *a", "alias *a"),
        ("a: " + "[" * 50_000, "nested too deep"),
        ("{a: " * 5_000, "nested too deep"),
        ("a: " + "x" * MAX_CHARACTERS, "more than 100,000 characters"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: 2001-99-99", "month must be in 1..12"),
        ("a: " + "9" * 5_000, "4300 digits"),
        ("a: 9223372036854775808", "more than 64 bits"),
        ("a: 0x" + "f" * 10_000, "more than 64 bits"),
        ("a: " + ":".join(["59"] * 3_000), "more than 64 bits"),
        ("a: !!bool maybe", "a value is not of its type"),
        ("a: !!timestamp soon", "a value is not of its type"),
        ("a: !!int ''", "a value is not of its type"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: \0", "unacceptable character"),
        ("[1]: 2", "unhashable key"),
    ],
)
def test_what_would_run_or_grow_is_refused(text, said):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        load_yaml(text)
    assert "\n" not in str(caught.value)


def test_a_file_or_a_setting_of_that_kind_is_one_line(tmp_path):
    file = tmp_path / "laughs.yaml"
    file.write_text(LAUGHS)
    with pytest.raises(UserError, match=r"laughs\.yaml is not valid YAML: alias"):
        load_config(file)
    with pytest.raises(UserError, match="is not a valid value"):
        load_config("paper", ["training.seed=" + "[" * 30])


def test_a_file_without_end_is_not_read_to_its_end():
    with pytest.raises(UserError, match=r"/dev/zero is not valid YAML: more than"):
        load_config("/dev/zero")


def test_a_long_bad_value_is_shown_in_part(tmp_path):
    file = tmp_path / "long.yaml"
    file.write_text("training: {batch_size: " + "x" * 10_000 + "}")
    with pytest.raises(UserError) as caught:
        load_config(file)
    assert 300 < len(str(caught.value)) < 600
