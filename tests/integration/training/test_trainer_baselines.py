"""S2IC and CMCGAN go through the same code as CAR-GAN: training, figures, export, images."""

import json
import shutil

import numpy as np
import pytest
import soundfile

from cargan_tf.config import load_config, override
from cargan_tf.errors import UserError
from cargan_tf.export.pytorch_conversion import export_checkpoint
from cargan_tf.export.saved_model import export_model
from cargan_tf.inference.generator import Generator
from cargan_tf.training.distribution import make_strategy
from cargan_tf.training.run import Run
from cargan_tf.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures("eager")

KINDS = ("s2ic", "cmcgan")
SHORT = ["training.steps=2", "monitor.validation_clips=3", "monitor.validation_steps=2"]


@pytest.fixture(scope="module")
def new_trainer(tiny_data, baseline_config):
    """``new_trainer(kind, folder, resume=True)``; there is no C anywhere."""

    def new_trainer(kind, folder, **options):
        config = baseline_config(kind, *SHORT, "model.init_stddev=0.3")
        missing = folder / "no classifier"
        return Trainer(
            Run(folder), tiny_data, config, make_strategy(), classifier=missing, **options
        )

    return new_trainer


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def trained(kind, new_trainer, tmp_path_factory):
    trainer = new_trainer(kind, tmp_path_factory.mktemp(kind) / "run")
    trainer.train()
    return trainer


def test_a_run_has_figures_and_no_classifier(kind, trained):
    lines = [json.loads(line) for line in trained.run.stats.read_text().splitlines()]
    assert all(np.isfinite(v) for line in lines for v in line.values() if isinstance(v, float))
    last = lines[-1]
    assert last["coarse_l1"] == last["refined_l1"] > 0
    assert last["sound_sensitivity"] > 0
    assert last["label_sensitivity"] == 0
    assert trained.run.read_info().classifier_accuracy is None
    assert trained.info.config.model.kind == kind


def test_run_and_export_draw_the_same_from_the_sound_alone(trained, tiny_source, tmp_path):
    of_run = Generator.load(trained.run.path)
    exported = Generator.load(export_model(trained.run, tmp_path / "model", onnx=False))
    waveform, rate = soundfile.read(tiny_source / "violin_0_test_0.wav")
    images = [
        generator.generate(waveform, rate, label).astype(int)
        for generator in (of_run, exported, exported)
        for label in ("violin", "cello")
    ]
    assert images[0].shape == (64, 64, 3)
    assert np.ptp(images[0]) > 5
    for image in images:
        assert np.abs(image - images[0]).max() <= 1  # two compilations may round differently


def test_a_run_s_parts_are_described(trained):
    text = trained.describe()
    for name, network in trained.step.networks().items():
        assert f"{name}: {network.count_params():,} parameters" in text


def test_a_run_goes_on_where_it_was_and_as_the_kind_it_is(kind, trained, new_trainer, tmp_path):
    run = shutil.copytree(trained.run.path, tmp_path / "run")
    resumed = new_trainer(kind, run, resume=True)
    assert resumed.start == 2
    for ours, theirs in zip(resumed.network.variables, trained.network.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    with pytest.raises(UserError, match="started with another configuration"):
        new_trainer(KINDS[1 - KINDS.index(kind)], run, resume=True)


def test_the_authors_files_have_no_place_for_it(trained, tmp_path):
    with pytest.raises(UserError, match=r"have model\.kind = 'cargan', the configuration says"):
        export_checkpoint(trained.run, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_one_holds_no_wrong_sound(tiny_config, kind):
    with pytest.raises(UserError, match="batch_size must be 2 or more"):
        override(tiny_config, [f"model.kind={kind}", "training.batch_size=1"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_shipped_configuration_differs_by_kind_and_rate_alone(kind):
    paper, other = (load_config(n).model_dump() for n in ("paper", f"baselines/{kind}"))
    different = {
        f"{section}.{key}": value
        for section, values in other.items()
        if isinstance(values, dict)
        for key, value in values.items()
        if value != paper[section][key]
    }
    assert different == {
        "model.kind": kind,
        "training.learning_rate": 2e-4,
        "training.adam_beta_1": 0.5,
    }
