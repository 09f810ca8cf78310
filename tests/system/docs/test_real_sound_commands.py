"""The commands of docs/how-to/real-sound.md run, on tiny SoundFonts and recordings."""

import ctypes.util
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from helpers.docs import TINY, run_command
from helpers.soundfonts import write_soundfont

from cargan_tf.config import load_config
from cargan_tf.synthetic.timbre import INSTRUMENTS

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "real-sound.md"
RATE = 22_050
#: What stands on the page -> what is run here: fewer and shorter sounds, tiny networks.
INSTEAD = {
    "cargan sample-data sample": "cargan sample-data sample --count 18 --clips 1",
    "cargan preprocess own data --config quickstart": "cargan preprocess own data"
    " --config tiny.yaml",
}


def page_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real-sound")
    programs = tuple({one for each in INSTRUMENTS.values() for one in each.programs})
    for name in ("FluidR3_GM.sf2", "MuseScore_General.sf3"):
        write_soundfont(folder / name, programs)
    time = np.arange(RATE) / RATE
    for label, overtones in (("flute", 2), ("violin", 9)):
        for key, note in ((69, "A4"), (71, "B4"), (72, "C5"), (74, "D5"), (76, "E5"), (77, "F5")):
            pitch = 440 * 2 ** ((key - 69) / 12)
            tone = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, overtones))
            path = folder / "recordings" / label / f"{label}_{note}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, 0.2 * tone, RATE)
    (folder / "recordings" / "none").mkdir()
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    soundfile.write(folder / "recordings" / "none" / "street.wav", noise, RATE)
    (folder / "tiny.yaml").write_text(TINY)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(ctypes.util.find_library("fluidsynth") is None, reason="no FluidSynth library")
def test_its_commands_run(workplace):
    commands = "".join(page_blocks("console")).splitlines()
    assert len(commands) == 5
    for command in commands:
        for written, run in INSTEAD.items():
            command = command.replace(written, run, 1)
        if command.startswith("cargan evaluate"):
            for words in ("classifier data", "train data --run runs/mine"):
                run_command(["cargan", *words.split()], workplace)
        run_command(shlex.split(command), workplace)
    report = workplace / "recordings-evaluation"
    assert {path.name for path in report.iterdir()} == {"recordings.json", "reliability.svg"}


def test_its_settings_are_a_configuration(tmp_path):
    (block,) = page_blocks("yaml")
    (tmp_path / "mine.yaml").write_text("name: mine\n" + block)
    config = load_config(str(tmp_path / "mine.yaml"))
    assert (
        config.augmentation.generator_fraction
        == yaml.safe_load(block)["augmentation"]["generator_fraction"]
    )
