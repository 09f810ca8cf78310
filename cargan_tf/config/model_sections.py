"""The section of the networks that draw and of the one that judges pairs."""
# MERGED The sections of the systems that Table 2 compares CAR-GAN with.
# MERGED The sections of what recognises instruments: C, the sound classifier, the judge.

from __future__ import annotations

from typing import Literal

from cargan_tf.config.sections import Positive, Section, Share, Weight, setting


class ModelConfig(Section):
    """G1, G2 and D (Sec. 2.5; what the paper leaves open follows its authors' code).

    S2IC and CMCGAN take ``spectrogram`` and ``init_stddev`` from here, the rest from sections of
    their own.
    """

    kind: Literal["cargan", "s2ic", "cmcgan"] = setting(
        "cargan", "which system draws: the paper's, or one that Table 2 compares it with"
    )
    generator_width: Positive = setting(64, "channels after the first convolution (pix2pix)")
    refined_generator_width: Positive | None = setting(
        None, "that of G2 where it is another; a larger residual stage"
    )
    generator_widest: Positive = setting(
        8,
        "times the first width that the generators' inner layers have at most (pix2pix); with less,"
        " the outer ones, which draw the detail, can be wider at the same size",
    )
    coarse_skips_left_out: int = setting(
        0,
        "how many of G1's skip connections are left out, the outermost first: a spectrogram and a"
        " picture have no places in common, so its lines come through to the picture as grain",
        ge=0,
    )
    discriminator_width: Positive = setting(64, "the same in D (pix2pix; the paper is silent)")
    discriminator_norm: Literal["batch", "spectral"] = setting(
        "batch",
        "of D's convolutions: pix2pix's batch norm, or each kernel divided by its greatest singular"
        " value instead (Miyato et al. 2018)",
    )
    spectrogram: Literal["log-mel", "jet"] = setting(
        "log-mel",
        "what stands for the sound: one channel, standardised per band (Sec. 2.5), or the authors'"
        " picture of it in the jet colours, three channels",
    )
    attention: Literal["sagan", "authors", "none"] = setting(
        "sagan",
        "self-attention before the last two convolutions of G and D (Sec. 2.1, 2.5); 'authors' is"
        " their code's, scramble included",
    )
    generator_attentions: Literal[1, 2] = setting(
        2,
        "how many of them G1 and G2 have each; 1 leaves out that of the larger map, half the"
        " time of a step of narrow networks at 128 pixels",
    )
    stages: Literal[1, 2] = setting(2, "1 leaves G2 out: I' is the picture (Table 1, D)")
    residue: bool = setting(True, "G2 sees the residue label L_r; without, I' alone (Table 1, C)")
    refine_sees_audio: bool = setting(False, "G2 also sees the sound; Eq. 1 gives it I' and L_r")
    discriminator_label: Literal["none", "audio", "authors"] = setting(
        "none",
        "whether D also sees the label; Eq. 3 and 4 judge pairs [A, I]. 'authors' shows it the"
        " residue in its own half of the step and the audio label in the generators'",
    )
    discriminator_tanh: bool = setting(
        False, "squeeze D's logits into [-1, 1]: their code's, gradients are 4 to 8 times weaker"
    )
    encoder_bias: bool = setting(
        True, "a bias in the generators' two convolutions down that no norm follows; theirs: none"
    )
    dropout: float = setting(0.5, "in the generators' inner decoder (pix2pix)", ge=0, lt=1)
    init_stddev: float = setting(
        0.02, "of the weights at the start; the paper's 0.2 is read as a slip of the pen", gt=0
    )

    @property
    def spectrogram_channels(self) -> int:
        """Channels of what the networks see of the sound."""
        return 3 if self.spectrogram == "jet" else 1


class S2ICConfig(Section):
    """S2IC, Table 2's first (Chen et al. 2017); ``docs/explanation/baselines.md`` says what is whose."""

    encoder_width: Positive = setting(64, "channels after the sound encoder's first convolution")
    generator_width: Positive = setting(64, "channels before the generator's last one (DCGAN's 64)")
    discriminator_width: Positive = setting(64, "channels after the discriminator's first one")
    features: Positive = setting(128, "of the sound, from which its instrument is told (theirs)")
    code: Positive = setting(64, "what generator and discriminator make of the features (theirs)")
    latent: Positive = setting(10, "Gaussian numbers beside the code (theirs)")
    generated: Weight = setting(0.5, "of log(1 - D(generated, sound)) in D's loss (theirs)")
    mismatched: Weight = setting(0.5, "of log(1 - D(real, wrong sound)) in D's loss (theirs)")


class CMCGANConfig(Section):
    """CMCGAN, Table 2's second (Hao et al. 2018); ``docs/explanation/baselines.md`` says what is whose."""

    encoder_width: Positive = setting(32, "channels after an encoder's first convolution; ours")
    decoder_width: Positive = setting(32, "channels before a decoder's last one; ours")
    discriminator_width: Positive = setting(32, "channels after its first ones, a modality; ours")
    code: Positive = setting(128, "numbers of an encoder's code; ours, S2IC's")
    latent: Positive = setting(10, "Gaussian numbers beside the code; ours, S2IC's")
    real_pairs: Weight = setting(
        2.0, "of log D(real pair) in D's loss: both of D's questions, real and matching, have it"
    )
    generated: Weight = setting(0.5, "of each of the two pairs with a generated half in D's loss")
    mismatched: Weight = setting(1.0, "of log(1 - D(real picture, wrong real sound)) in D's loss")
    cycle: Weight = setting(10.0, "of the L1 of the two cross-modal cycles (CycleGAN's λ)")
    reconstruction: Weight = setting(10.0, "of the L1 of A-to-A and V-to-V; ours, the cycles'")


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
