import pytest

from cargan_tf.config import Config, EvaluatorConfig, override
from cargan_tf.errors import UserError


def test_c_is_the_paper_s_resnet50_and_starts_from_imagenet():
    c = Config().classifier
    assert (c.blocks, c.width, c.weights) == ((3, 4, 6, 3), 64, "imagenet")
    assert (c.resnet_variant, c.preprocessing) == ("keras", "caffe")  # what Keras' weights want


@pytest.mark.parametrize(
    ("setting", "last", "beyond"),
    [
        ("classifier.width", "1", "0"),
        ("classifier.resnet_variant", "torchvision", "timm"),
        ("classifier.preprocessing", "none", "tf"),
        ("classifier.epochs", "1", "0"),
        ("classifier.batch_size", "1", "0"),
        ("classifier.learning_rate", "1e-9", "0"),
        ("classifier.noise", "0", "-0.1"),
        ("classifier.minimum_accuracy", "1", "1.1"),
        ("sound_classifier.width", "1", "0"),
        ("sound_classifier.steps", "1", "0"),
        ("sound_classifier.batch_size", "1", "0"),
        ("sound_classifier.learning_rate", "1e-9", "0"),
        ("evaluator.input_size", "32", "31"),
        ("evaluator.input_size", "1024", "1025"),
        ("evaluator.steps", "1", "0"),
        ("evaluator.batch_size", "1", "0"),
        ("evaluator.learning_rate", "1e-9", "0"),
        ("evaluator.noise", "0", "-0.1"),
        ("evaluator.minimum_accuracy", "0", "-0.1"),
    ],
)
def test_beyond_a_bound_it_is_refused_by_name(setting, last, beyond, check_bound):
    check_bound(setting, last, beyond)


@pytest.mark.parametrize("blocks", ["[3, 4, 6]", "[3, 4, 6, 3, 1]", "[3, 4, 6, 0]"])
def test_c_has_four_stages_of_a_block_or_more(blocks):
    with pytest.raises(UserError, match=r"classifier\.blocks"):
        override(Config(), [f"classifier.blocks={blocks}"])


@pytest.mark.parametrize(
    ("image_size", "input_size", "looked_at"),
    [(32, None, 96), (96, None, 96), (128, None, 128), (256, None, 224), (256, 64, 64)],
)
def test_the_evaluator_looks_at_images_of_its_own_size(image_size, input_size, looked_at):
    """The photos' own size within what EfficientNet-Lite0 sees well, unless one is set."""
    assert EvaluatorConfig(input_size=input_size).size_for(image_size) == looked_at
