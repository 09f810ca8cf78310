"""The same networks by TensorFlow's plain operations, as one would write them down first."""

from __future__ import annotations

from cargan_tf.models import attention, layers


def use_plain_layers() -> None:
    """For all that is traced from now on in this process: whole attention maps, convolutions only.

    Weights and results are the same; it is what the authors' code does, and what multiply-adds
    are counted on.
    """
    use_whole_attention_maps()
    layers.MAX_POSITIONS_DOWN = 0
    layers.MAX_POSITIONS_UP = 0
    layers.FEW_FILTERS = 0


def use_whole_attention_maps() -> None:
    """Only that: no attention in blocks."""
    attention.WHOLE_MAP_LIMIT = 2**62
