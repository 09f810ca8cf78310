import json

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.export.pytorch_conversion import (
    AuthorsFiles,
    export_checkpoint,
    import_checkpoint,
)
from cargan_tf.export.saved_model import export_model
from cargan_tf.inference.generator import Generator
from cargan_tf.interop.pytorch_files import read_state_dict, write_state_dict
from cargan_tf.interop.weight_mapping import classifier_weights, state_of, unet_weights
from cargan_tf.labels import SUB_URMP_LABELS
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.training.checkpoints import Checkpoints, newest_checkpoint, restore_network
from cargan_tf.training.run import Run, RunInfo
from cargan_tf.training.steps.cargan_step import CarganStep


@pytest.fixture(scope="module")
def cascade(authors_config):
    cascade = new_cascade(authors_config, 13)
    random = np.random.default_rng(0)
    for variable in cascade.variables:
        values = random.normal(0, 0.1, variable.shape)
        is_variance = variable.path.endswith("variance")
        variable.assign(0.5 + np.abs(values) if is_variance else values)
    return cascade


@pytest.fixture(scope="module")
def files(cascade, tmp_path_factory):
    """A made-up checkpoint of the authors', after seven steps."""
    files = AuthorsFiles.in_folder(tmp_path_factory.mktemp("authors"))
    networks = [*map(unet_weights, cascade.generators), classifier_weights(cascade.classifier)]
    for file, weights in zip(files.all(), networks, strict=True):
        write_state_dict(file, state_of(weights, batches=7))
    return files


@pytest.fixture(scope="module")
def run(files, authors_config, tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("imported") / "run")
    import_checkpoint(files, authors_config, run)
    return run


def test_what_goes_in_comes_out_and_is_equal(run, files, tmp_path):
    written = export_checkpoint(run, tmp_path)
    assert [file.name for file in written] == [f"latest_net_{n}.pth" for n in ("G1", "G2", "C2")]
    for before, after in zip(files.all(), written, strict=True):
        expected, found = read_state_dict(before), read_state_dict(after)
        assert found.keys() == expected.keys()
        for name, values in found.items():
            np.testing.assert_array_equal(values, expected[name], err_msg=name)


def test_the_run_says_what_it_is_made_of(run, authors_config):
    info = run.read_info()
    assert info.config == authors_config
    assert info.labels == SUB_URMP_LABELS
    assert info.classifier_accuracy is None
    assert json.loads(run.info_file.read_text())["classifier_accuracy"] is None


def test_the_run_holds_their_networks_and_step(run, cascade, authors_config):
    restored = new_cascade(authors_config, 13)
    assert restore_network(newest_checkpoint(run.checkpoints), restored) == 7
    sound = tf.random.stateless_uniform([2, 32, 32, 3], [1, 2], -1, 1)
    label = tf.one_hot([3, 12], 13)
    ours, theirs = restored(sound, label), cascade(sound, label)
    assert (ours.read_pose, theirs.read_pose) == (None, None)  # the paper's networks read none
    for output in set(ours._fields) - {"read_pose"}:
        np.testing.assert_allclose(getattr(ours, output), getattr(theirs, output), atol=1e-6)


def test_a_sound_is_drawn_by_the_run_and_by_its_export(run, tmp_path):
    sound = np.sin(np.arange(22_050) * 0.06).astype(np.float32)
    generated = Generator.load(run.path).generate(sound, 44_100, "violin")
    assert generated.shape == (32, 32, 3)
    exported = Generator.load(export_model(run, tmp_path / "model", onnx=False))
    np.testing.assert_array_equal(exported.generate(sound, 44_100, "violin"), generated)


def test_a_trained_run_gives_d_as_well(authors_config, tmp_path):
    run, labels = Run(tmp_path / "run"), ("cello", "violin")
    cascade, discriminator = (make(authors_config, 2) for make in (new_cascade, new_discriminator))
    step = CarganStep(authors_config, cascade, discriminator, tf.distribute.get_strategy(), 1)
    Checkpoints(run.checkpoints, step, keep=1).save()
    info = RunInfo(authors_config, labels, _statistics(authors_config), "", "", 1.0)
    run.write_info(info)
    *_, file = export_checkpoint(run, tmp_path / "out")
    assert file.name == "latest_net_D.pth"
    first = discriminator.blocks[0].convolution.kernel.numpy()
    np.testing.assert_array_equal(
        read_state_dict(file)["model.0.weight"], first.transpose(3, 2, 0, 1)
    )


def _statistics(config):
    from cargan_tf.audio.normalization import BandStatistics

    return BandStatistics((0.0,) * config.audio.n_mels, (1.0,) * config.audio.n_mels)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model.attention=sagan", "have model.attention = 'authors'.*says 'sagan'"),
        ("model.stages=1", "model.stages = 2"),
        ("classifier.resnet_variant=keras", "classifier.resnet_variant = 'torchvision'"),
        (
            "model.generator_width=8",
            r"G1\.pth does not fit.*model\.model\.0\.weight \[4, 16, 4, 4\]",
        ),
        ("model.spectrogram=log-mel", "name it with --data"),
    ],
)
def test_another_configuration_is_refused(files, authors_config, tmp_path, text, said):
    run = Run(tmp_path / "run")
    with pytest.raises(UserError, match=said):
        import_checkpoint(files, override(authors_config, [text]), run)
    assert not run.exists()


def test_labels_and_statistics_come_from_the_data_that_is_named(
    tiny_data, authors_config, cascade, files, tmp_path
):
    config = override(authors_config, ["model.spectrogram=log-mel"])
    with pytest.raises(
        UserError, match=r"of another shape: model\.model\.0\.weight \[4, 16, 4, 4\]"
    ):
        import_checkpoint(files, config, Run(tmp_path / "run"), tiny_data)


def test_a_run_is_not_written_over(run, files, authors_config):
    with pytest.raises(UserError, match="already holds a run"):
        import_checkpoint(files, authors_config, run)


def test_only_networks_that_the_authors_have_go_out(tiny_run, tmp_path):
    with pytest.raises(UserError, match="the authors' networks have model"):
        export_checkpoint(Run(tiny_run), tmp_path)


@pytest.mark.parametrize("text", ["model.pose=true", "model.players=2"])
def test_what_the_authors_code_lacks_does_not_come_in(run, files, authors_config, tmp_path, text):
    with pytest.raises(UserError, match=f"the authors' networks have {text.split('=')[0]}"):
        import_checkpoint(files, override(authors_config, [text]), Run(tmp_path / "run"))
