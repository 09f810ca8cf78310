"""Which losses of the generators count, and how much: the products of the weights λ."""

from __future__ import annotations

from cargan_tf.config import Config


def weights_that_count(config: Config) -> dict[str, float]:
    """λ of each term of the generators' loss (Eq. 2, 5, 6; options), without those that are 0."""
    loss = config.loss
    coarse_adversarial = loss.adversarial * loss.coarse_adversarial
    refined_adversarial = loss.adversarial * loss.refined_adversarial
    products = {
        "coarse_classification": loss.classification * loss.coarse_classification,
        "refined_classification": loss.classification * loss.refined_classification,
        "coarse_adversarial": coarse_adversarial,
        "refined_adversarial": refined_adversarial,
        "coarse_feature_matching": coarse_adversarial * loss.feature_matching,
        "refined_feature_matching": refined_adversarial * loss.feature_matching,
        "coarse_perceptual": loss.perceptual,
        "refined_perceptual": loss.perceptual,
        "coarse_l1": loss.l1,
        "refined_l1": loss.l1,
    }
    stages = ("coarse", "refined")[: config.model.stages]
    return {name: weight for name, weight in products.items() if weight and name.startswith(stages)}
