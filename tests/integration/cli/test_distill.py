import pytest
from cargan_cli.main import main

SMALL = ["model.generator_width=2", "training.steps=1", "monitor.validation_clips=3"]


def test_a_run_is_distilled_and_says_what_comes_next(tiny_run, tiny_data, tmp_path, capsys):
    run = tmp_path / "student"
    settings = [word for text in SMALL for word in ("--set", text)]
    with pytest.raises(SystemExit) as leave:
        main(["distill", str(tiny_run), str(tiny_data), "--run", str(run), *settings])
    assert leave.value.code == 0
    out = capsys.readouterr().out
    assert "of 255 levels from the teacher's images" in out
    assert f"Next: cargan export {run}" in out
    assert (run / "distillation.json").is_file()


def test_nothing_is_resumed_where_there_is_no_run(tiny_run, tiny_data, tmp_path, capsys):
    with pytest.raises(SystemExit) as leave:
        main(["distill", str(tiny_run), str(tiny_data), "--run", str(tmp_path), "--resume"])
    assert leave.value.code == 2
    assert "nothing to resume" in capsys.readouterr().err
