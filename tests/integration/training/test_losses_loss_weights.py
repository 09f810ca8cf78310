import pytest

from cargan_tf.config import Config, override
from cargan_tf.training.losses import active_loss_weights


def test_the_paper_s_terms_have_the_paper_s_weights():
    assert active_loss_weights(Config()) == {
        "coarse_classification": 0.5,
        "refined_classification": 0.5,
        "coarse_adversarial": 1,
        "refined_adversarial": 1,
        "coarse_l1": 100,
        "refined_l1": 100,
    }


def test_weights_are_multiplied_down_the_equations():
    texts = [
        "classification=0.2",
        "adversarial=3",
        "refined_adversarial=0.5",
        "feature_matching=10",
    ]
    weights = active_loss_weights(override(Config(), [f"loss.{text}" for text in texts]))
    assert weights["coarse_classification"] == pytest.approx(0.1)
    assert weights["refined_adversarial"] == pytest.approx(1.5)
    assert weights["coarse_feature_matching"] == pytest.approx(30)
    assert weights["refined_feature_matching"] == pytest.approx(15)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("loss.classification=0", {"coarse_classification", "refined_classification"}),
        ("loss.coarse_adversarial=0", {"coarse_adversarial"}),
        ("loss.l1=0", {"coarse_l1", "refined_l1"}),
        ("model.stages=1", {"refined_classification", "refined_adversarial", "refined_l1"}),
    ],
)
def test_a_term_without_weight_or_stage_is_not_there(text, gone):
    all_terms = active_loss_weights(Config()).keys()
    assert active_loss_weights(override(Config(), [text])).keys() == all_terms - gone
