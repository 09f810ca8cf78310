import json

import pytest

from cargan_tf.config import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.errors import UserError
from cargan_tf.evaluation.reproduce.reproduce import Experiment


@pytest.fixture
def experiment(tiny_config, tmp_path):
    return Experiment.of(tiny_config, "ablations/c", 3, tmp_path / "runs")


@pytest.fixture
def write_report(experiment):
    def write(text):
        folder = experiment.run.path / "evaluation"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(text)

    return write


def test_a_row_is_laid_over_the_base(experiment, tiny_config, tmp_path):
    texts = ["model.residue=false", "training.seed=3", "name=tiny-ablation-c"]
    assert experiment.config == override(tiny_config, texts)
    assert experiment.run.path == tmp_path / "runs" / "ablations-c" / "seed-3"


def test_an_evaluation_counts_after_the_last_step_only(
    experiment, write_report, make_report, tiny_data
):
    dataset = load_dataset(tiny_data)
    assert experiment.report(dataset) is None
    write_report(json.dumps(make_report(step=3).to_json()))
    assert experiment.report(dataset) is None
    write_report(json.dumps(make_report(step=6).to_json()))
    assert experiment.report(dataset) == make_report(step=6)


@pytest.mark.parametrize("text", ["", "{", '{"format": 0}', '{"format": 1}'])
def test_an_evaluation_that_cannot_be_read_is_made_anew(experiment, write_report, tiny_data, text):
    write_report(text)
    assert experiment.report(load_dataset(tiny_data)) is None


def test_training_time_is_that_of_the_steps(experiment):
    """Batches of 4: 10 steps at 8 images a second, then 5 at 4."""
    lines = [
        {"step": 10, "kind": "training", "images_per_second": 8.0},
        {"step": 10, "kind": "validation", "retrieval": 0.5},
        {"step": 15, "kind": "training", "images_per_second": 4.0},
    ]
    experiment.run.path.mkdir(parents=True)
    experiment.run.stats.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert experiment.training_seconds() == pytest.approx(5 + 5)


def test_a_row_that_does_not_fit_the_base_is_told(tiny_config, tmp_path):
    path = tmp_path / "wide.yaml"
    path.write_text("model: {generator_with: 8}")
    with pytest.raises(UserError, match=r"wide\.yaml over tiny: unknown key"):
        Experiment.of(tiny_config, str(path), 0, tmp_path)
