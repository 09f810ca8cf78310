import pytest
from cargan_cli.main import main


@pytest.mark.parametrize("words", [("missing", "out")])
def test_a_missing_run_is_one_line(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as leaving:
        main(["export-checkpoint", *words])
    assert leaving.value.code == 2
    assert "Error: missing holds no run" in capsys.readouterr().err


def test_another_network_is_refused(tiny_run, tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["export-checkpoint", str(tiny_run), str(tmp_path / "out")])
    assert leaving.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert "the authors' networks have model.attention = 'authors'" in said[-1]
    assert not (tmp_path / "out").exists()
