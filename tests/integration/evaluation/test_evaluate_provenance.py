import datetime
import hashlib
import shutil

import pytest

from cargan_tf.config import override
from cargan_tf.evaluation.evaluate import checkpoint_hash, config_hash, provenance_of
from cargan_tf.evaluation.report import Limits
from cargan_tf.training.checkpoints import newest_checkpoint
from cargan_tf.training.run import Run


@pytest.fixture
def run(tiny_run):
    return Run(tiny_run)


def test_it_names_what_made_the_figures(run, tiny_data):
    limits = Limits(seed=3)
    checkpoint = newest_checkpoint(run.checkpoints)
    provenance = provenance_of(run, checkpoint, 6, tiny_data, {"deaf": run}, "efficientnet", limits)
    assert (provenance.checkpoint, provenance.step) == ("step-6", 6)
    assert (provenance.features, provenance.limits) == ("efficientnet", limits)
    described = (tiny_data / "dataset.json").read_bytes()
    assert (
        provenance.data_hash
        == provenance.trained_on_data_hash
        == hashlib.sha256(described).hexdigest()
    )
    assert provenance.compared == {"deaf": str(run.path)}
    assert {"python", "tensorflow", "tensorflow-gan", "cargan-tf"} <= set(provenance.versions)
    assert datetime.datetime.fromisoformat(provenance.date).tzinfo is not None


def test_equal_settings_have_equal_hashes(tiny_config):
    same = override(tiny_config, ["training.seed=0"])
    other = override(tiny_config, ["training.seed=1"])
    assert config_hash(same) == config_hash(tiny_config) != config_hash(other)


def test_the_checkpoint_s_hash_is_of_its_content(run, tmp_path):
    copied = Run(shutil.copytree(run.path, tmp_path / "run"))
    newest = newest_checkpoint(copied.checkpoints)
    assert checkpoint_hash(newest) == checkpoint_hash(newest_checkpoint(run.checkpoints))
    data = next(newest.parent.glob(f"{newest.name}.data*"))
    data.write_bytes(data.read_bytes()[:-1] + b"x")
    assert checkpoint_hash(newest) != checkpoint_hash(newest_checkpoint(run.checkpoints))
