import pytest
from cargan_cli.main import main

from cargan_tf.interop.pytorch_files import write_state_dict
from cargan_tf.interop.weight_mapping import classifier_weights, state_of, unet_weights

SIZE = ["model.generator_width=4", "classifier.width=2", "data.image_size=32"]
SETTINGS = [word for text in SIZE for word in ("--set", text)]
NAMES = ("G1.pth", "G2.pth", "C2.pth")


@pytest.fixture
def files(tmp_path):
    from cargan_tf.config import load_config
    from cargan_tf.models.cargan import new_cascade

    cascade = new_cascade(load_config("authors", SIZE), 13)
    networks = [*map(unet_weights, cascade.generators), classifier_weights(cascade.classifier)]
    for name, weights in zip(NAMES, networks, strict=True):
        write_state_dict(tmp_path / name, state_of(weights, 0))
    return [str(tmp_path / name) for name in NAMES]


def run_cli(*words):
    with pytest.raises(SystemExit) as leaving:
        main([str(word) for word in words])
    return leaving.value.code


def test_in_and_back_out(files, tmp_path, capsys):
    assert run_cli("import-checkpoint", *files, tmp_path / "run", *SETTINGS) == 0
    said = capsys.readouterr().out
    assert f"Imported: {tmp_path / 'run'}" in said
    assert f"Next: cargan generate clip.wav --label violin --model {tmp_path / 'run'}" in said
    assert run_cli("export-checkpoint", tmp_path / "run", tmp_path / "out") == 0
    written = capsys.readouterr().out.split()
    assert written == [str(tmp_path / "out" / f"latest_net_{n}.pth") for n in ("G1", "G2", "C2")]


def test_what_is_wrong_with_a_file_is_one_line(files, tmp_path, capsys):
    content = (tmp_path / "G2.pth").read_bytes()
    (tmp_path / "G2.pth").write_bytes(content[: len(content) // 2])
    assert run_cli("import-checkpoint", *files, tmp_path / "run", *SETTINGS) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("Error: ")
    assert "G2.pth is damaged or cut short" in said
    assert len(said.splitlines()) == 1


def test_a_file_of_another_size_is_one_line(files, tmp_path, capsys):
    assert run_cli("import-checkpoint", *files, tmp_path / "run", *SETTINGS[2:]) == 2
    said = capsys.readouterr().err.strip()
    assert "G1.pth does not fit the configured network" in said
    assert len(said.splitlines()) == 1
