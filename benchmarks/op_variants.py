"""Equal-valued forms of one operation in turns, forward and backward: why the code takes which.

    python -m benchmarks.op_variants

Milliseconds, medians. The constants of ``models/attention.py`` and ``models/layers.py`` rest on
them, and how ``models/classifier.py`` turns RGB to BGR.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import parse_and_report, seconds_of

if TYPE_CHECKING:
    import tensorflow as tf

#: Queries × keys of one image's outer attentions at 64, 128 and 256 pixels, by width 64.
ATTENTIONS = {"32×32": (1024, 256), "64×64": (4096, 1024), "128×128": (16_384, 4096)}
BLOCKS = (64, 128, 256, 512, 1024)
#: Side of the smaller map and channels of the generators' inner convolutions at batch 4.
INNER = {1: 512, 2: 512, 4: 512, 8: 512}
CONVOLVED_BATCH = 4

Forms = dict[str, tuple[Callable[..., Any], list[Any]]]


def measure(repetitions: int, tiny: bool) -> dict[str, float]:
    """Milliseconds of each form."""
    named: dict[str, float] = {}
    for name, (queries, keys) in list(ATTENTIONS.items())[: 1 if tiny else None]:
        named |= _in_turns(f"attention of {name}", _attention_forms(queries, keys), repetitions)
    for side, channels in list(INNER.items())[: 1 if tiny else None]:
        width = 8 if tiny else channels
        forms = _down_forms(side, width)
        named |= _in_turns(f"down to {side}×{side}", forms, repetitions)
        named |= _in_turns(f"up from {side}×{side}", _up_forms(side, width), repetitions)
    named |= _in_turns("1×1 of 64×64", _projections(8 if tiny else 64), repetitions)
    return named | _in_turns("RGB to BGR", _colors_turned(), repetitions)


def _in_turns(name: str, forms: Forms, repetitions: int) -> dict[str, float]:
    compiled = {form: _forward_and_backward(*parts) for form, parts in forms.items()}
    taken: dict[str, list[float]] = {form: [] for form in forms}
    for repetition in range(repetitions + 1):
        for form, work in compiled.items():
            seconds = seconds_of(work)
            if repetition:  # the first one traces
                taken[form].append(1e3 * seconds)
    return {f"{name}, {form}": statistics.median(values) for form, values in taken.items()}


def _forward_and_backward(form: Callable[..., Any], inputs: list[Any]) -> Callable[[], object]:
    import tensorflow as tf

    @tf.function
    def both(*tensors: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            total = tf.reduce_sum(tf.square(form(*tensors)))
        return tape.gradient(total, tensors)

    return lambda: [gradient.numpy()[:1] for gradient in both(*inputs)]


def _attention_forms(queries: int, keys: int) -> Forms:
    from cargan_tf.models import attention

    inputs = [_normal(1, queries, 8), _normal(1, keys, 8), _normal(1, keys, 32)]

    def in_blocks(block: int) -> Callable[..., Any]:
        def form(*tensors: Any) -> Any:
            attention.BLOCK_QUERIES = block  # read while the form is traced
            return attention.attend_in_blocks(*tensors)

        return form

    blocks: Forms = {f"blocks of {block}": (in_blocks(block), inputs) for block in BLOCKS}
    return {"whole": (attention.attend_at_once, inputs), **blocks}


def _down_forms(side: int, channels: int) -> Forms:
    import tensorflow as tf

    from cargan_tf.models.layers import conv_down

    features = _normal(CONVOLVED_BATCH, 2 * side, 2 * side, channels)
    inputs = [features, _normal(4, 4, channels, channels)]
    return {
        "convolution": (lambda x, kernel: tf.nn.conv2d(x, kernel, 2, "SAME"), inputs),
        "product": (conv_down, inputs),
    }


def _up_forms(side: int, channels: int) -> Forms:
    import tensorflow as tf

    from cargan_tf.models.layers import conv_up

    shape = [CONVOLVED_BATCH, 2 * side, 2 * side, channels]
    inputs = [
        _normal(CONVOLVED_BATCH, side, side, channels),
        _normal(4, 4, channels, channels),
    ]
    return {
        "convolution": (lambda x, k: tf.nn.conv2d_transpose(x, k, shape, 2, "SAME"), inputs),
        "product": (conv_up, inputs),
    }


def _projections(channels: int) -> Forms:
    """Queries, keys and values of one attention: three convolutions, or one matrix product."""
    import tensorflow as tf

    filters = (channels // 8, channels // 8, channels // 2)
    features = _normal(4, 64, 64, channels)
    inputs = [features, *(_normal(1, 1, channels, count) for count in filters)]

    def apart(x: tf.Tensor, *kernels: tf.Tensor) -> tf.Tensor:
        return tf.concat([tf.nn.conv2d(x, kernel, 1, "SAME") for kernel in kernels], -1)

    def together(x: tf.Tensor, *kernels: tf.Tensor) -> tf.Tensor:
        kernel = tf.concat([kernel[0, 0] for kernel in kernels], -1)
        product = tf.matmul(tf.reshape(x, [-1, channels]), kernel)
        return tf.reshape(product, [4, 64, 64, -1])

    return {"three convolutions": (apart, inputs), "one product": (together, inputs)}


def _colors_turned() -> Forms:
    """16 images of 128×128 as C takes them."""
    import tensorflow as tf

    inputs = [_normal(16, 128, 128, 3)]
    return {
        "backwards slice": (lambda x: x[..., ::-1], inputs),
        "gather": (lambda x: tf.gather(x, [2, 1, 0], axis=-1), inputs),
        "reverse": (lambda x: tf.reverse(x, [-1]), inputs),
    }


def _normal(*shape: int) -> Any:
    import tensorflow as tf

    return tf.random.stateless_normal(shape, [1, 2])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repetitions", type=int, default=9)
    parse_and_report(parser, measure)
