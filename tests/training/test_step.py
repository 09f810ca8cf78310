from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.models.cascade import Cascade
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.models.precision import computing_in
from cargan_tf.training.step import TrainingStep

GENERATOR_TERMS = [
    "coarse_classification",
    "refined_classification",
    "coarse_adversarial",
    "refined_adversarial",
    "coarse_l1",
    "refined_l1",
    "generators",
]
DISCRIMINATOR_TERMS = ["real_judged", "coarse_judged", "refined_judged", "discriminator"]


def batch_of(step, size=64):
    random = np.random.default_rng(step)
    return {
        "spectrogram": random.uniform(-1, 1, (4, size, size, 1)).astype(np.float32),
        "label": np.eye(3, dtype=np.float32)[random.integers(0, 3, 4)],
        "photo": random.uniform(-1, 1, (4, size, size, 3)).astype(np.float32),
    }


def made(config, strategy=None):
    keras.utils.set_random_seed(0)
    size = config.data.image_size
    strategy = strategy or tf.distribute.MirroredStrategy(["/cpu:0"])
    with strategy.scope(), computing_in(config.training.precision):
        cascade = Cascade(config, 3, name="cascade")
        cascade(tf.zeros([1, size, size, 1]), tf.zeros([1, 3]))
        # Untrained, C's logits are in the hundreds and its softmax is 0 or 1.
        to_logits = cascade.classifier.to_logits.kernel
        to_logits.assign(1e-3 * to_logits.numpy())
        discriminator = PatchGAN(config.model, name="discriminator")
        channels = 4 + (0 if config.model.discriminator_label == "none" else 3)
        discriminator(tf.zeros([1, size, size, channels]))
        return TrainingStep(config, cascade, discriminator, strategy, steps_per_epoch=6)


def on_replicas(step, batch):
    """``batch`` spread over the step's replicas as the trainer's data set does it."""
    whole = tf.data.Dataset.from_tensors(batch).unbatch().batch(4)
    return next(iter(step.strategy.experimental_distribute_dataset(whole)))


def state(*networks):
    return [v.numpy().copy() for network in networks for v in network.variables]


def unchanged(before, after):
    return [np.array_equal(left, right) for left, right in zip(before, after, strict=True)]


@pytest.fixture(scope="module")
def config(tiny_config):
    """32 pixels: quick, and all there is to a step but dropout."""
    return override(tiny_config, ["data.image_size=32"])


@pytest.fixture
def step(config):
    return made(config)


@pytest.fixture
def batch():
    return {name: tf.constant(value) for name, value in batch_of(0, size=32).items()}


def train_generators(step, batch):
    return step.strategy.run(step._train_generators, args=(batch,))


def train_discriminator(step, batch):
    stages = step.cascade(batch["spectrogram"], batch["label"])
    return step.strategy.run(step._train_discriminator, args=(batch, stages))


def test_the_generators_half_moves_g1_and_g2_only(step, batch):
    generators, others = (
        step.cascade.generator_variables,
        (step.discriminator, step.cascade.classifier),
    )
    before = [variable.numpy() for variable in generators]
    before_others = state(*others)
    train_generators(step, batch)
    assert all(unchanged(before_others, state(*others)))  # moving statistics included
    resting = unchanged(before, [variable.numpy() for variable in generators])
    # Four attentions' four kernels and biases wait until γ has left 0.
    assert sum(resting) <= 4 * 8


def test_the_discriminator_s_half_moves_d_only(step, batch):
    before, before_cascade = state(step.discriminator), state(step.cascade)
    train_discriminator(step, batch)
    assert all(unchanged(before_cascade, state(step.cascade)))
    statistics = [variable.numpy() for variable in step.discriminator.non_trainable_variables]
    assert all(np.any(value != np.round(value)) for value in statistics)
    assert sum(unchanged(before, state(step.discriminator))) <= 2 * 8


def composed(step, config, batch):
    """Every loss of the next step from the networks as they are, written out in NumPy."""
    seed = tf.constant([config.training.seed, 0])
    stages = step.cascade(batch["spectrogram"], batch["label"], seed=seed, training=True)
    labels = batch["label"].numpy() == 1

    def crossentropy(logits):
        return -np.log(tf.nn.softmax(logits).numpy()[labels]).mean()

    def judged(picture, sign):
        pair = tf.concat([batch["spectrogram"], picture], -1)
        logits = step.discriminator(pair, training=True, update_statistics=False).numpy()
        return np.log1p(np.exp(-sign * logits)).mean()

    terms = {
        "coarse_classification": crossentropy(step.cascade.classifier(stages.coarse)),
        "refined_classification": crossentropy(step.cascade.classifier(stages.refined)),
        "coarse_adversarial": judged(stages.coarse, 1),
        "refined_adversarial": judged(stages.refined, 1),
        "coarse_l1": np.abs(stages.coarse - batch["photo"]).mean(),
        "refined_l1": np.abs(stages.refined - batch["photo"]).mean(),
        "real_judged": judged(batch["photo"], 1),
        "coarse_judged": judged(stages.coarse, -1),
        "refined_judged": judged(stages.refined, -1),
    }
    weights = config.loss
    terms["generators"] = (
        weights.classification
        * (
            weights.coarse_classification * terms["coarse_classification"]
            + weights.refined_classification * terms["refined_classification"]
        )
        + weights.adversarial
        * (
            weights.coarse_adversarial * terms["coarse_adversarial"]
            + weights.refined_adversarial * terms["refined_adversarial"]
        )
        + weights.l1 * (terms["coarse_l1"] + terms["refined_l1"])
    )
    terms["discriminator"] = weights.adversarial * (
        weights.real_pairs * terms["real_judged"]
        + weights.coarse_adversarial * terms["coarse_judged"]
        + weights.refined_adversarial * terms["refined_judged"]
    )
    return terms


def weighed(config):
    names = "classification coarse_classification refined_classification adversarial"
    names += " coarse_adversarial refined_adversarial l1 real_pairs"
    texts = [f"loss.{name}={0.3 + place / 4}" for place, name in enumerate(names.split())]
    return override(config, texts)


def test_losses_and_totals_are_the_paper_s(config, batch):
    uneven = weighed(config)
    step = made(uneven)
    expected = composed(step, uneven, batch)
    stages, generators = train_generators(step, batch)
    discriminator = step.strategy.run(step._train_discriminator, args=(batch, stages))
    assert list(generators) == GENERATOR_TERMS
    assert list(discriminator) == DISCRIMINATOR_TERMS
    for name, value in {**generators, **discriminator}.items():
        assert float(value) == pytest.approx(expected[name], rel=1e-4), name


def test_without_adversarial_weight_the_discriminator_rests(config, batch):
    step = made(override(config, ["loss.adversarial=0"]))
    before = [variable.numpy() for variable in step.discriminator.trainable_variables]
    losses = train_discriminator(step, batch)
    after = [variable.numpy() for variable in step.discriminator.trainable_variables]
    assert all(unchanged(before, after))
    assert float(losses["discriminator"]) == 0


def test_without_any_weight_the_generators_rest(config, batch):
    texts = ["loss.adversarial=0", "loss.l1=0", "loss.classification=0"]
    step = made(override(config, texts))
    before = [variable.numpy() for variable in step.cascade.generator_variables]
    _, losses = train_generators(step, batch)
    after = [variable.numpy() for variable in step.cascade.generator_variables]
    assert all(unchanged(before, after))
    assert float(losses["generators"]) == 0
    assert all(np.isfinite(float(value)) for value in losses.values())


@pytest.mark.parametrize(("label", "listens"), [("none", False), ("audio", True)])
def test_the_discriminator_sees_the_label_when_told_to(config, batch, label, listens):
    step = made(override(config, [f"model.discriminator_label={label}"]))
    other = {**batch, "label": tf.roll(batch["label"], 1, axis=1)}
    judged = [step._judge(part, batch["photo"], False)[-1].numpy() for part in (batch, other)]
    assert np.any(judged[0] != judged[1]) == listens


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("loss.classification=0", {"coarse_classification", "refined_classification"}),
        ("loss.refined_classification=0", {"refined_classification"}),
        ("loss.coarse_adversarial=0", {"coarse_adversarial"}),
        ("model.stages=1", {name for name in GENERATOR_TERMS if name.startswith("refined")}),
        ("loss.l1=0", set()),  # a run is watched by it
    ],
)
def test_a_loss_without_weight_is_not_computed(config, batch, text, absent):
    step = made(override(config, [text]))
    _, losses = train_generators(step, batch)
    assert set(GENERATOR_TERMS) - losses.keys() == absent
    assert all(np.isfinite(float(value)) for value in losses.values())


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("loss.refined_adversarial=0", {"refined_judged"}),
        ("loss.real_pairs=0", {"real_judged"}),
        ("loss.discriminator=0", {*DISCRIMINATOR_TERMS} - {"discriminator"}),
    ],
)
def test_the_discriminator_judges_nothing_without_weight(config, batch, text, absent):
    losses = train_discriminator(made(override(config, [text])), batch)
    assert set(DISCRIMINATOR_TERMS) - losses.keys() == absent


def test_one_stage_is_judged_and_trained_as_one(config, batch):
    step = made(override(config, ["model.stages=1"]))
    losses = step(on_replicas(step, {name: value.numpy() for name, value in batch.items()}))
    assert "coarse_judged" in losses
    assert not any(name.startswith("refined") for name in losses)


@pytest.fixture
def as_the_authors(config):
    texts = ["training.order=discriminator first", "model.discriminator_label=authors"]
    return override(config, texts)


def shown_labels(step, batch):
    """The label planes that D is shown in each call of a step, in order."""
    shown = []
    judge = step.discriminator

    class Listening:
        trainable_variables = judge.trainable_variables

        def feature_maps(self, pair, **options):
            shown.append(pair[:, 0, 0, 4:].numpy())
            return judge.feature_maps(pair, **options)

    step.discriminator = Listening()
    step.strategy.run(step._replica_step, args=(batch,))
    step.discriminator = judge
    return shown


def test_the_authors_show_d_the_residue_first_and_then_the_label(as_the_authors, batch):
    """D's half comes first, its three calls with the residue; then the generators' two."""
    step = made(as_the_authors)
    stages = step.cascade(batch["spectrogram"], batch["label"], training=True, seed=[0, 0])
    tf.config.run_functions_eagerly(True)
    try:
        shown = shown_labels(step, batch)
    finally:
        tf.config.run_functions_eagerly(False)
    assert len(shown) == 5
    for planes in shown[:3]:
        np.testing.assert_allclose(planes, stages.residue, atol=1e-5)
    for planes in shown[3:]:
        np.testing.assert_array_equal(planes, batch["label"])


def test_d_first_judges_the_generators_after_it_has_learnt(config, batch):
    """The generators' adversarial loss is that of the D of after its own half."""
    texts = ["training.order=discriminator first", "training.learning_rate=0.05"]
    first, last = made(override(config, texts)), made(override(config, texts[1:]))
    losses = {}
    for name, step in (("first", first), ("last", last)):
        losses[name] = step.strategy.run(step._replica_step, args=(batch,))
        assert set(losses[name]) == {*GENERATOR_TERMS, *DISCRIMINATOR_TERMS}
    judged = {name: float(loss["real_judged"]) for name, loss in losses.items()}
    assert judged["first"] == pytest.approx(judged["last"], rel=1e-5)
    fooled = {name: float(loss["refined_adversarial"]) for name, loss in losses.items()}
    assert abs(fooled["first"] - fooled["last"]) > 1e-3


def test_the_authors_half_of_d_s_loss(config, batch):
    texts = ["loss.real_pairs=1", "loss.discriminator=0.5"]
    step = made(override(config, texts))
    losses = {name: float(value) for name, value in train_discriminator(step, batch).items()}
    total = losses["real_judged"] + losses["coarse_judged"] + losses["refined_judged"]
    assert losses["discriminator"] == pytest.approx(total / 2, rel=1e-5)


@pytest.fixture
def no_graph_optimiser():
    """Half of the time until four replicas' first step is done goes into it."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


def trained_steps(config, strategy, count):
    step = made(config, strategy)
    losses = [
        {name: float(value) for name, value in step(on_replicas(step, batch_of(index))).items()}
        for index in range(count)
    ]
    return SimpleNamespace(step=step, losses=losses, networks=(step.cascade, step.discriminator))


@pytest.mark.slow
def test_four_replicas_of_one_picture_train_as_one_of_four(
    tiny_config, four_replicas, no_graph_optimiser
):
    """At 64 pixels, where dropout is; without attention, which looks at one picture at a time.

    Sums over replicas are taken in another order, so equality is up to float32's round-off. Adam's
    first steps divide a gradient by its own size: where it is round-off alone, they would blow it
    up to a whole step. An epsilon above round-off keeps that out of the comparison.
    """
    texts = ["model.attention=none", "training.adam_epsilon=1e-3", "training.learning_rate=1e-3"]
    config = override(tiny_config, [*texts, "model.init_stddev=0.02"])
    alone, four = (trained_steps(config, strategy, 4) for strategy in (None, four_replicas))
    for ours, theirs in zip(four.losses, alone.losses, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    for value, expected in zip(state(*four.networks), state(*alone.networks), strict=True):
        # Weights have moved by up to 4e-3, statistics by up to half of their size.
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=4e-5)
    assert alone.losses[0]["refined_l1"] != alone.losses[3]["refined_l1"]
    for result in (alone, four):
        assert int(result.step.step.numpy()) == 4
        assert result.step.__call__.experimental_get_tracing_count() == 1
        assert all(np.isfinite(value) for line in result.losses for value in line.values())


@pytest.fixture(scope="module")
def one_stage(config):
    """Half of the cascade, which is traced in half of the time."""
    return override(config, ["model.stages=1"])


@pytest.fixture(scope="module")
def exact_losses(one_stage):
    return _losses_of_two_steps(made(one_stage))


def _losses_of_two_steps(step):
    batches = [batch_of(index, size=32) for index in range(2)]
    return [{k: float(v) for k, v in step(on_replicas(step, b)).items()} for b in batches]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_the_precision_trains_alike(one_stage, exact_losses, precision, no_graph_optimiser):
    """The second step's losses show that the first moved the weights as float32 does."""
    step = made(override(one_stage, [f"training.precision={precision}"]))
    for found, expected in zip(_losses_of_two_steps(step), exact_losses, strict=True):
        assert found == pytest.approx(expected, rel=0.1)
    networks = (step.cascade, step.discriminator)
    assert {variable.dtype for network in networks for variable in network.variables} == {"float32"}
    assert step.cascade.coarse_generator.down[0].convolution.compute_dtype == precision
    if precision == "float16":
        check_that_a_step_which_overflows_is_left_out(step)


def check_that_a_step_which_overflows_is_left_out(step):
    scale = step.generator_optimizer.dynamic_scale
    scale.assign(2.0**40)
    before = [variable.numpy() for variable in step.cascade.generator_variables]
    losses = step(on_replicas(step, batch_of(2, size=32)))
    assert np.isfinite(float(losses["generators"]))
    assert all(unchanged(before, [v.numpy() for v in step.cascade.generator_variables]))
    assert scale.numpy() == 2.0**39


@pytest.mark.slow
def test_xla_s_step_gives_the_same_losses(one_stage, exact_losses):
    compiled = _losses_of_two_steps(made(override(one_stage, ["training.compile=true"])))
    for found, expected in zip(compiled, exact_losses, strict=True):
        assert found == pytest.approx(expected, rel=1e-3)
