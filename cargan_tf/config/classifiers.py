"""The sections of what recognises instruments: C, the sound classifier, the judge."""

from __future__ import annotations

from typing import Literal

from cargan_tf.config.section import Positive, Section, Share, Weight, setting


class ClassifierConfig(Section):
    """C, the judge of what a picture shows (Sec. 2.3): ResNet50 and one dense layer."""

    blocks: tuple[Positive, Positive, Positive, Positive] = setting(
        (3, 4, 6, 3), "bottleneck blocks of the four stages; ResNet50 by default"
    )
    width: Positive = setting(64, "channels of the first convolution; 64 in ResNet50")
    flavour: Literal["keras", "torchvision"] = setting(
        "keras",
        "whose ResNet: keras.applications' strides in the first 1×1 convolution of a block,"
        " torchvision's in the 3×3 and has no biases",
    )
    preprocessing: Literal["caffe", "torch", "none"] = setting(
        "caffe",
        "of pictures in [-1, 1]: what keras.applications' or torchvision's ImageNet weights want,"
        " or nothing, as in the authors' code",
    )
    weights: str = setting(
        "imagenet",
        "start: 'imagenet' (downloaded by Keras), 'none', or a file: Keras weights, or with flavour"
        " torchvision its resnet50 .pth",
    )
    epochs: Positive = setting(10, "of training on real photos")
    batch_size: Positive = setting(32, "photos a step")
    learning_rate: float = setting(1e-4, "Adam's, for a pre-trained network", gt=0)
    noise: Weight = setting(
        0.0,
        "greatest spread of the noise on a photo, in [-1, 1], which is then shifted, blurred and"
        " tinted too, as the judge's are: C's slope asks for shapes, not for grain; 0 is off",
    )
    minimum_accuracy: Share = setting(
        0.95, "on held-out photos; a classifier under it cannot guide the generators"
    )


class SoundClassifierConfig(Section):
    """What recognises the instrument where no label is given; ours, the paper has none."""

    width: Positive = setting(16, "channels after the first convolution")
    steps: Positive = setting(
        500, "of training; so many rather than epochs, so that it takes seconds on any data set"
    )
    batch_size: Positive = setting(32, "sounds a step")
    learning_rate: float = setting(1e-2, "Adam's, falling to 0; the best of three tried", gt=0)


class JudgeConfig(Section):
    """The independent judge: EfficientNet-Lite0, fine-tuned on the data's photos."""

    input_size: int | None = setting(
        None, "pixels a side it looks at; the pictures' own within 96..224 if null", ge=32, le=1024
    )
    steps: Positive = setting(300, "of training; with ImageNet's weights to start from, few do")
    batch_size: Positive = setting(32, "photos a step")
    learning_rate: float = setting(1e-3, "Adam's at the start; it falls to 0 along a cosine", gt=0)
    noise: Weight = setting(
        0.4, "greatest spread of the noise on a photo, in [-1, 1]: what is shown counts, not grain"
    )
    minimum_accuracy: Share = setting(
        0.9, "on held-out photos; a judge under it is not asked about generated ones"
    )

    def size_for(self, image_size: int) -> int:
        """Pixels a side of the judge's input for photos of ``image_size``."""
        return self.input_size or min(max(image_size, 96), 224)
