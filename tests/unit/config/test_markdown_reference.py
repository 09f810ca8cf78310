import re
from pathlib import Path

import pytest
import yaml

from cargan_tf.config import Config
from cargan_tf.config.markdown_reference import configuration_reference

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[str]]:
    """``section.setting`` -> the cells of its row."""
    found, section = {}, ""
    for line in configuration_reference().splitlines():
        if heading := re.match(r"## (\w+)", line):
            section = heading[1]
        if line.startswith("| `"):
            name, *cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            found[f"{section}.{name.strip('`')}"] = cells
    return found


def test_the_committed_reference_is_up_to_date():
    committed = (ROOT / "docs" / "reference" / "configuration.md").read_text("utf-8")
    assert committed == configuration_reference(), "run `make docs` and commit what it changes"


def test_every_setting_has_a_row_of_four_cells(rows):
    sections = {name: value for name, value in Config() if name != "name"}
    expected = {f"{name}.{key}" for name, section in sections.items() for key, _ in section}
    assert set(rows) == expected
    assert all(len(cells) == 4 and all(cells[:3]) for cells in rows.values())


@pytest.mark.parametrize("name", ["authors", "players-128", "quickstart"])
def test_what_a_shipped_file_states_stands_in_its_row(name, rows):
    stated = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text("utf-8"))
    for section, values in stated.items():
        if section == "name":
            continue
        for key, value in values.items():
            default, _, _, elsewhere = rows[f"{section}.{key}"]
            (said,) = re.findall(rf"`([^`]*)` in [^;]*\b{name}\b", elsewhere) or [
                default.strip("`")
            ]
            assert yaml.safe_load(said) == value, f"{section}.{key}"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("audio.sample_rate", "integer from 4000 to 192000"),
        ("training.adam_beta_1", "number from 0 below 1"),
        ("audio.f_max", "number or `null`"),
        ("model.attention", '`"sagan"`, `"authors"`, `"none"`'),
        ("model.residue", "`true`, `false`"),
        ("classifier.blocks", "4 of: integer above 0"),
        ("training.discriminator_augmentation", 'any of: `"color"`, `"translation"`, `"cutout"`'),
    ],
)
def test_bounds_are_in_words(setting, words, rows):
    assert rows[setting][1] == words
