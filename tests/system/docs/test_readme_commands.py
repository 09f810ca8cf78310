"""Every command and snippet of the README runs, on a tiny data set in Sub-URMP's layout."""

import contextlib
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.docs import TINY, run_command
from PIL import Image

README = Path(__file__).parents[3] / "README.md"
LABELS = ("cello", "violin")
RATE = 8_000

#: What stands in the README -> what is run here, and why.
INSTEAD = {
    # The tiny configuration goes on into all later commands, by the data set.
    "cargan preprocess": "cargan preprocess --config tiny.yaml",
    # There may be no four GPUs; four CPU devices take the same path.
    "cargan train --gpus 4": "cargan train --run runs/paper --virtual-devices 4",
}

#: Run by CI itself, they install into the environment that the tests run in, they train several
#: models (test_cli_reproduce.py runs them on fewer rows), they serve until they are ended
#: (tests/system/demo), or they need the built page (tests/system/web).
ELSEWHERE = (
    "make demo",
    "make test",
    "pip install",
    "cargan reproduce",
    "cargan demo",
    "cargan web",
)
#: Commands that draw with a trained model, which the later ones make.
NEED_A_MODEL = ("cargan generate", "cargan explore", "cargan evaluate")


def readme_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def readme_commands() -> list[str]:
    lines = "\n".join(readme_blocks("console")).splitlines()
    commands = [line.partition("  #")[0].strip() for line in lines if line.strip()]
    return [command for command in commands if not command.startswith(ELSEWHERE)]


def make_tree(root: Path) -> None:
    random = np.random.default_rng(0)
    for split, count in (("train", 8), ("validation", 4)):
        for position, label in enumerate(LABELS):
            for folder in ("img", "chunk"):
                (root / folder / split / label).mkdir(parents=True)
            for start in range(0, 500 * count, 500):
                name = f"{label}{0 if split == 'train' else 1:02d}_{start}"
                time = np.arange(RATE // 2) / RATE
                tone = 0.3 * np.sin(2 * np.pi * (200 + 300 * position) * time)
                wav = root / "chunk" / split / label / f"{name}.wav"
                soundfile.write(wav, tone + random.normal(0, 0.01, len(time)), RATE)
                color = (200 * position + 20, 60, 200 - 180 * position)
                Image.new("RGB", (64, 36), color).save(root / "img" / split / label / f"{name}.jpg")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    make_tree(folder / "Sub-URMP")
    (folder / "tiny.yaml").write_text(TINY)
    sounds = sorted((folder / "Sub-URMP" / "chunk" / "validation" / "violin").iterdir())
    for name, sound in zip(("clip.wav", "other.wav", "long.wav"), sounds, strict=False):
        (folder / name).write_bytes(sound.read_bytes())
    (folder / "recordings").mkdir()
    for index, sound in enumerate(sounds):
        (folder / "recordings" / f"{index}.wav").write_bytes(sound.read_bytes())
    return folder


@pytest.mark.slow
def test_readme_commands(workplace: Path) -> None:
    commands = readme_commands()
    assert any(command.startswith("cargan train") for command in commands)
    ordered = sorted(commands, key=lambda command: command.startswith(NEED_A_MODEL))
    for command in ordered:
        run_command(shlex.split(INSTEAD.get(command, command)), workplace)
    assert {"clip.png", "cello.mp4", "clip_explore.png"} <= {p.name for p in workplace.iterdir()}
    assert (workplace / "runs" / "paper" / "evaluation" / "report.html").is_file()
    assert len(list((workplace / "images").glob("*.png"))) == 4
    run_python_snippets(workplace)


def run_python_snippets(workplace: Path) -> None:
    waveform, rate = soundfile.read(workplace / "clip.wav")
    for snippet in readme_blocks("python"):
        here = snippet.replace("saved_models/quickstart", str(workplace / "saved_models/paper"))
        names = {"waveform": waveform, "rate": rate}
        exec(here, names)
        assert names["image"].shape == (32, 32, 3)


def test_readme_manifest_has_the_columns_that_are_read() -> None:
    from cargan_tf.data.sources.manifest import COLUMNS, REQUIRED_COLUMNS

    (block,) = readme_blocks("csv")
    assert set(REQUIRED_COLUMNS) <= set(block.splitlines()[0].split(",")) <= set(COLUMNS)


@pytest.mark.slow
def test_the_images_of_the_docs_can_be_made_again(tmp_path: Path) -> None:
    project = README.parent
    page = (project / "docs" / "appendix" / "images.md").read_text("utf-8")
    commands = re.findall(r"^cargan .*$", page, re.MULTILINE)
    (snippet,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    shutil.copytree(project / "samples", tmp_path / "samples")
    (tmp_path / "docs" / "images").mkdir(parents=True)
    for command in commands:
        run_command(shlex.split(command), tmp_path)
    with contextlib.chdir(tmp_path):
        exec(snippet, {})
    shown = set(re.findall(r"\]\(\.\./images/(.*?)\)", page))
    shown -= {"page.png", "live.gif"}  # made by a browser
    shown -= {"real_notes.png"}  # of recordings that are not to be passed on
    assert {file.name for file in (tmp_path / "docs" / "images").iterdir()} == shown
