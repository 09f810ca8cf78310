import numpy as np

from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.evaluation.networks.registry import classifier_network


def test_it_sees_what_c_sees(trained):
    classifier = trained.cascade.classifier
    network = classifier_network(classifier, trained.config, accuracy=0.9)
    batch = next(iter(evaluation_batches(trained.dataset, trained.data, trained.config, "test", 5)))
    seen = network(batch["photo"].numpy())
    np.testing.assert_allclose(seen.logits, classifier(batch["photo"]), atol=1e-3)
    assert seen.features.shape == (5, 32 * trained.config.classifier.width)
    assert (network.info.name, network.info.accuracy) == ("classifier", 0.9)
    assert network.info.features == seen.features.shape[1]
