"""The scripts, and what they are answered."""

import shutil
import subprocess

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_this_program(cargan, shell):
    done = cargan("completion", shell)
    assert done.status == 0
    assert f"_CARGAN_COMPLETE={shell}_complete" in done.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_read_its_script(cargan, tmp_path, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    script = tmp_path / "script"
    script.write_text(cargan("completion", shell).out, "utf-8")
    subprocess.run([shell, "-n", script], check=True)


def test_another_shell_is_answered_with_the_known(cargan):
    assert "'bash', 'zsh', 'fish'" in cargan("completion", "tcsh").error


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("cargan generate clip.wav --label viol", ["plain,viola", "plain,violin"]),
        ("cargan explore clip.wav --other-label tu", ["plain,tuba"]),
        ("cargan generate clip.wav --model bra", ["plain,brass", "file,bra"]),
        ("cargan demo --model x", ["file,x"]),
        ("cargan serve br", ["plain,brass", "file,br"]),
    ],
)
@pytest.mark.usefixtures("nothing_shipped")
def test_labels_and_models_are_completed(cargan, tmp_path, monkeypatch, typed, completed):
    version = tmp_path / "saved_models" / "brass" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    monkeypatch.setenv("_CARGAN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
    assert cargan(cwd=tmp_path).out.splitlines() == completed
