"""The ablations and the authors' variant go through the same code: training, export, images."""

import numpy as np
import pytest
import yaml

from cargan_tf.config import Config, load_config, override, shipped_configs
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.evaluation.reproduce.paper_tables import TABLE_OPTIONS
from cargan_tf.export.pytorch_conversion import (
    AuthorsFiles,
    export_checkpoint,
    import_checkpoint,
)
from cargan_tf.export.saved_model import export_model
from cargan_tf.inference.generator import Generator
from cargan_tf.training.classifiers.train_classifier import train_classifier
from cargan_tf.training.distribution import make_strategy
from cargan_tf.training.run import Run
from cargan_tf.training.trainer import Trainer

SOUND = np.sin(np.arange(4000) * 0.3).astype(np.float32)
#: Two steps, and no more than that of what is looked at meanwhile.
SHORT = ["training.steps=2", "monitor.validation_clips=3", "monitor.validation_steps=2"]


def differences(name):
    """What a shipped configuration changes, as texts for ``override``."""
    paper, other = (load_config(n).model_dump(mode="json") for n in ("paper", name))
    return [
        f"{section}.{key}={yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}"
        for section, values in other.items()
        if isinstance(values, dict)
        for key, value in values.items()
        if value != paper[section][key]
    ]


def trained(folder, data, config):
    run = Run(folder / "run")
    Trainer(run, data, config, make_strategy()).train()
    return run


@pytest.mark.parametrize(
    ("name", "difference"),
    [
        ("a", ["model.attention=none"]),
        ("b", ["loss.classification=0.0"]),
        ("c", ["model.residue=false"]),
        ("d", ["model.stages=1"]),
        ("e", []),
    ],
)
def test_an_ablation_is_one_difference(name, difference):
    assert differences(f"ablations/{name}") == difference


def test_an_option_is_one_difference():
    names = [name for name in shipped_configs() if name.startswith("options/")]
    assert {row.overlay for row in TABLE_OPTIONS.rows} >= set(names)
    counts = {name.removeprefix("options/"): len(differences(name)) for name in names}
    assert counts.pop("together") > 1
    assert counts.pop("wide-outside") == 2  # wider, and the bound that keeps the inside as it was
    assert set(counts.values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test_an_ablation_trains_exports_and_draws(
    name, tiny_data, tiny_classifier, tiny_config, tmp_path
):
    config = override(tiny_config, [*SHORT, *differences(f"ablations/{name}")])
    run = trained(tmp_path, tiny_data, config)
    generated = Generator.load(run.path).generate(SOUND, 8000, "violin")
    exported = Generator.load(export_model(run, tmp_path / "model", onnx=False))
    assert exported.generate(SOUND, 8000, "violin").shape == generated.shape == (64, 64, 3)


def test_the_authors_differ_by_fields_alone():
    config = override(Config(name="authors"), differences("authors"))
    assert config == load_config("authors")


@pytest.mark.slow
def test_the_authors_variant_trains_and_goes_to_their_files_and_back(
    tiny_source, tiny_config, tmp_path
):
    sizes = [
        *SHORT,
        "audio.hop_length=32",
        "data.image_size=32",
        "model.generator_width=4",
        "training.batch_size=4",
        "training.epochs=200",
    ]
    config = override(tiny_config, [*differences("authors"), *sizes])
    config = override(config, ["classifier={resnet_variant: torchvision, preprocessing: none}"])
    data, run = tmp_path / "data", Run(tmp_path / "imported")
    preprocess(tiny_source, data, config, workers=1)
    train_classifier(data, config)
    first = trained(tmp_path, data, config)
    files = export_checkpoint(first, tmp_path / "out")
    assert [file.name[-6:-4] for file in files] == ["G1", "G2", "C2", "_D"]
    info = import_checkpoint(AuthorsFiles.in_folder(tmp_path / "out"), config, run, data)
    assert info.labels == ("cello", "flute", "violin")
    generated = [Generator.load(made.path).generate(SOUND, 8000, "violin") for made in (first, run)]
    np.testing.assert_array_equal(generated[0], generated[1])
