import pytest

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config, override
from cargan_tf.errors import UserError
from cargan_tf.training.run import FREE, Run, RunInfo, check_resumable

FREE_TEXTS = (
    *("training.steps=9", "training.epochs=7", "training.decay_epochs=4"),
    *("training.keep_checkpoints=5", "training.learning_rate=1e-5"),
    *("training.discriminator_learning_rate=2e-5", "training.maximum_loss=7"),
)


def info(*texts, data_hash="a" * 64, kind="cargan"):
    config = override(Config(), [f"model.kind={kind}", *texts])
    return RunInfo(config, ("cello",), BandStatistics((0.0,), (1.0,)), "data", data_hash, 0.9)


@pytest.fixture
def begun(tmp_path):
    """Begins a run with ``info``'s arguments."""

    def begin(*texts, **others):
        run = Run(tmp_path / "run")
        run.write_info(info(*texts, **others))
        return run

    return begin


def test_each_setting_that_differs_is_named_with_both_values(begun):
    run = begun("training.decay_epochs=3", "model.refined_generator_width=48")
    now = info("training.decay_epochs=4", "loss.l1=10", 'classifier.weights="none"', "name=other")
    with pytest.raises(UserError) as caught:
        check_resumable(run, now)
    said = str(caught.value)
    assert (
        '(name: "paper" then, "other" now; model.refined_generator_width: 48 then, null now;'
        ' classifier.weights: "imagenet" then, "none" now; loss.l1: 100.0 then, 10.0 now)'
    ) in said
    assert "decay_epochs: 3" not in said


def test_length_rates_and_what_watches_may_change(begun):
    assert {text.partition("=")[0] for text in FREE_TEXTS} == {f"training.{name}" for name in FREE}
    now = info(*FREE_TEXTS, "monitor.log_steps=7", "evaluator.steps=3", "s2ic.latent=3")
    check_resumable(begun(), now)


def test_another_system_s_settings_count_once_it_is_this_one(begun):
    run = begun(kind="s2ic")
    check_resumable(run, info("cmcgan.latent=3", kind="s2ic"))
    with pytest.raises(UserError, match=r"s2ic\.latent: 10 then, 3 now"):
        check_resumable(run, info("s2ic.latent=3", kind="s2ic"))
    with pytest.raises(UserError, match=r'model\.kind: "s2ic" then, "cmcgan" now'):
        check_resumable(run, info(kind="cmcgan"))


def test_other_data_is_named(begun):
    with pytest.raises(UserError, match=r"was trained on data, whose dataset\.json differs"):
        check_resumable(begun(), info(data_hash="b" * 64))
