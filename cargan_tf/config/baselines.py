"""The sections of the systems that Table 2 compares CAR-GAN with."""

from __future__ import annotations

from cargan_tf.config.section import Positive, Section, Weight, setting


class S2ICConfig(Section):
    """S2IC, Table 2's first (Chen et al. 2017); ``docs/baselines.md`` says what is whose."""

    encoder_width: Positive = setting(64, "channels after the sound encoder's first convolution")
    generator_width: Positive = setting(64, "channels before the generator's last one (DCGAN's 64)")
    discriminator_width: Positive = setting(64, "channels after the discriminator's first one")
    features: Positive = setting(128, "of the sound, from which its instrument is told (theirs)")
    code: Positive = setting(64, "what generator and discriminator make of the features (theirs)")
    latent: Positive = setting(10, "Gaussian numbers beside the code (theirs)")
    generated: Weight = setting(0.5, "of log(1 - D(generated, sound)) in D's loss (theirs)")
    mismatched: Weight = setting(0.5, "of log(1 - D(real, wrong sound)) in D's loss (theirs)")


class CMCGANConfig(Section):
    """CMCGAN, Table 2's second (Hao et al. 2018); ``docs/baselines.md`` says what is whose."""

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
