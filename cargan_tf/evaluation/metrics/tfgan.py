"""FID and the Inception Score from activations, as TF-GAN computes them, in float64.

TF-GAN 2.1.0 cannot be imported by its name since TensorFlow 2.16 took ``tf.estimator`` away, but
the one module that is needed here does not use it. It is loaded as it lies on the disk, past the
packages' own ``__init__`` files, and nothing of that stays behind: who imports ``tensorflow_gan``
afterwards finds what they would have found before.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

import numpy as np
import tensorflow as tf

from cargan_tf.utils.arrays import AnyArray

#: The packages whose ``__init__`` is bypassed, outermost first, and the module within.
_PACKAGES = ("tensorflow_gan", "tensorflow_gan.python", "tensorflow_gan.python.eval")
_MODULE = f"{_PACKAGES[-1]}.classifier_metrics"
#: Logits further below the greatest than this have a probability of 0 in float64, whose logarithm
#: would make the score no number. exp(-600) is 1e-261.
_LOWEST_LOGIT = -600.0


def frechet_distance(first: AnyArray, second: AnyArray) -> float:
    """FID (Heusel et al. 2017) between features [N, F] and [M, F], N, M >= 2.

    Both sets are first written in coordinates of the space that they span together, a rotation
    that leaves the distance as it is: N + M numbers an image are as good as F, and TF-GAN's
    matrix root takes the cube of that.
    """
    first, second = _in_common_span(np.asarray(first, np.float64), np.asarray(second, np.float64))
    measure = _tfgan().frechet_classifier_distance_from_activations
    # Of two equal sets it is 0 but for round-off, on either side.
    return max(0.0, float(measure(tf.constant(first), tf.constant(second))))


def inception_score(logits: AnyArray) -> float:
    """IS (Salimans et al. 2016) from logits [N, K]: exp of the mean KL(p(y|x) || p(y))."""
    logits = np.asarray(logits, np.float64)
    logits = np.maximum(logits - logits.max(axis=1, keepdims=True), _LOWEST_LOGIT)
    return float(_tfgan().classifier_score_from_logits(tf.constant(logits)))


def _in_common_span(first: AnyArray, second: AnyArray) -> tuple[AnyArray, AnyArray]:
    rows = np.concatenate([first, second])
    if len(rows) >= rows.shape[1]:
        return first, second
    basis, _ = np.linalg.qr(rows.T)  # [F, N + M], columns orthonormal
    coordinates = rows @ basis
    return coordinates[: len(first)], coordinates[len(first) :]


@cache
def _tfgan() -> ModuleType:
    """TF-GAN's ``classifier_metrics``; taken as it is where somebody has imported it."""
    if _MODULE in sys.modules:
        return sys.modules[_MODULE]
    with _packages_without_init(), _quiet():
        return importlib.import_module(_MODULE)


@contextmanager
def _packages_without_init() -> Iterator[None]:
    """Meanwhile the packages are empty ones; afterwards all is as it was."""
    before = {name: module for name, module in sys.modules.items() if _is_tfgan(name)}
    for name in before:
        del sys.modules[name]
    try:
        search_path = None
        for name in _PACKAGES:
            spec = importlib.machinery.PathFinder.find_spec(name, search_path)
            if spec is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            search_path = list(spec.submodule_search_locations or ())
            package = ModuleType(name)
            package.__path__ = search_path
            package.__spec__ = spec
            sys.modules[name] = package
        yield
    finally:
        for name in [name for name in sys.modules if _is_tfgan(name)]:
            del sys.modules[name]
        sys.modules.update(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """TF-GAN, and tf-keras that TensorFlow Probability brings, warn of old names that they use."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _is_tfgan(name: str) -> bool:
    return name == _PACKAGES[0] or name.startswith(f"{_PACKAGES[0]}.")
