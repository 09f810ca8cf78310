from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest


@dataclass
class Called:
    """What `cargan quickstart` asked the library for; test_quickstart.py runs that."""

    workspace: Path
    models: Path
    config: object


@pytest.fixture
def called(monkeypatch):
    calls = []

    def quickstart(workspace, models, config, reporter):
        calls.append(Called(workspace, models, config))
        return SimpleNamespace(
            grid=workspace / "grid.png",
            image=workspace / "violin.png",
            sound=workspace / "my sounds" / "violin.wav",
            model=models / config.name / "1",
            metrics=None,
        )

    monkeypatch.setattr("cargan_tf.quickstart.quickstart", quickstart)
    monkeypatch.setattr(
        "cargan_tf.training.conditioning_metrics.describe_conditioning", lambda _: "R@1 .5"
    )
    return calls


def test_without_arguments_all_is_written_below_this_folder(cargan, called):
    assert cargan("quickstart").status == 0
    assert called[0].workspace == Path("quickstart")
    assert called[0].models == Path("saved_models")
    assert called[0].config.name == "quickstart"


def test_settings_and_places_may_be_changed(cargan, called):
    words = ("work", "--models", "models", "--config", "paper", "--set", "training.steps=4")
    assert cargan("quickstart", *words).status == 0
    assert (called[0].workspace, called[0].models) == (Path("work"), Path("models"))
    assert (called[0].config.name, called[0].config.training.steps) == ("paper", 4)


def test_it_ends_by_naming_the_images(cargan, called):
    lines = cargan("quickstart").out.splitlines()
    assert lines[0].startswith("Done in 0 min ")
    assert lines[1] == "  R@1 .5"
    assert lines[2].endswith(": quickstart/grid.png")
    assert lines[3] == "Image of quickstart/my sounds/violin.wav: quickstart/violin.png"
    assert lines[-1] == (
        "Try: cargan generate 'quickstart/my sounds/violin.wav' --label cello -o cello.png"
        " --model saved_models/quickstart"
    )


def test_ctrl_c_says_that_the_same_command_goes_on(cargan, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cargan_tf.quickstart.quickstart", interrupt)
    done = cargan("quickstart", "work")
    assert done.status == 130
    assert done.err == "Interrupted. Resume with: cargan quickstart work\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "training.stesp=4"), "Did you mean 'training.steps'?"),
        (("--config", "quickstrat"), "Did you mean 'quickstart'?"),
    ],
)
def test_a_bad_setting_is_named(cargan, tmp_path, words, said):
    assert said in cargan("quickstart", *words, cwd=tmp_path).error
    assert not list(tmp_path.iterdir())


def test_a_workspace_of_other_things_is_left_alone(cargan, tmp_path):
    (tmp_path / "work" / "sample").mkdir(parents=True)
    (tmp_path / "work" / "sample" / "thesis.txt").touch()
    assert "is no sample data set" in cargan("quickstart", "work", cwd=tmp_path).error
