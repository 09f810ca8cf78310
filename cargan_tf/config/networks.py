"""The section of the networks that draw and of the one that judges pairs."""

from __future__ import annotations

from typing import Literal

from cargan_tf.config.section import Positive, Section, setting


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
