"""The mean and std of each mel band over a data set.

A log-mel scaled by one constant leaves players indistinguishable; standardizing each band separates
them. The statistics therefore travel with the data set, the run and the exported model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError

MIN_STD_DB: Final = 1.0
"""The minimum std of a band. One dB is about the smallest audible change of level; a band
that varies by less (always at the floor, say) must not have its round-off blown up to [-1, 1]."""

MIN_STD_UNIT: Final = 0.01
"""The same where clips are scaled to 0..1: one dB of a clip whose range is 100 dB."""

#: Beyond it, and below its inverse, float32 loses what is standardized.
_MAX_VALUE: Final = 1e12


@dataclass(frozen=True)
class BandStatistics:
    """What a log-mel is standardized by.

    Attributes:
        mean: of each mel band, lowest band first, in the log-mel's unit: dB, or fractions of a
            clip's range where ``audio.log_mel_scale`` is ``clip``.
        std: standard deviation of each mel band in the same unit.

    Raises:
        UserError: no bands, different lengths, a value that is not finite or absurdly large, or a
            std that is not positive.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.mean or len(self.mean) != len(self.std):
            raise UserError(
                f"band statistics hold {len(self.mean)} means and {len(self.std)} stds;"
                " expected one of each per mel band: prepare the data again"
            )
        for band, (mean, std) in enumerate(zip(self.mean, self.std, strict=True)):
            # NaN is within no bounds.
            if not (abs(mean) <= _MAX_VALUE and 1 / _MAX_VALUE <= std <= _MAX_VALUE):
                raise UserError(
                    f"band statistics hold mean {mean} and std {std} for mel band {band};"
                    f" expected finite values of at most {_MAX_VALUE:,.0f} and a positive std:"
                    " prepare the data again"
                )

    def to_json(self) -> dict[str, list[float]]:
        """The plain values ``from_json`` takes; they survive JSON without loss."""
        return {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BandStatistics:
        """Rebuild the statistics from what ``to_json`` gave.

        Raises:
            UserError: not two lists of numbers under "mean" and "std", or invalid ones.
        """
        try:
            mean = tuple(float(number) for number in value["mean"])
            std = tuple(float(number) for number in value["std"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(
                'band statistics cannot be read; expected lists of numbers under "mean" and'
                ' "std": prepare the data again'
            ) from error
        return cls(mean=mean, std=std)


class BandSums:
    """Count, mean and sum of squared deviations of each mel band, batch after batch.

    Batches and partial results are merged by the formula of Chan, Golub and LeVeque (1979), which
    keeps its precision where a sum of squares would lose it. Several workers may each hold one;
    it is pickled as it is and merged with ``+``.
    """

    def __init__(self, n_mels: int) -> None:
        if n_mels < 1:
            raise ValueError(f"n_mels must be at least 1, received {n_mels}")
        self.count = 0
        self._mean = np.zeros(n_mels, np.float64)
        self._deviations = np.zeros(n_mels, np.float64)  # sum of (value - mean)²

    @property
    def n_mels(self) -> int:
        """Number of mel bands."""
        return len(self._mean)

    def add(self, log_mel: NDArray[Any]) -> None:
        """Take in a batch, clip by clip: the last bits do not depend on what came in one batch.

        Args:
            log_mel: [B, n_mels, frames], all in one unit.

        Raises:
            ValueError: another shape, or a value that is not finite.
        """
        if log_mel.ndim != 3 or log_mel.shape[1] != self.n_mels:
            raise ValueError(
                f"log_mel must be [B, {self.n_mels}, frames], received shape {log_mel.shape}"
            )
        values = np.asarray(log_mel, np.float64)
        if not np.isfinite(values).all():
            raise ValueError("log_mel must be finite, received NaN or infinite values")
        for clip in values:  # [n_mels, frames]
            count = clip.shape[1]
            mean = clip.sum(axis=1) / max(count, 1)
            centered = clip - mean[:, None]
            self._merge(count, mean, np.einsum("ij,ij->i", centered, centered))

    def to_json(self) -> dict[str, Any]:
        """The plain values ``from_json`` takes; they survive JSON without loss."""
        return {
            "count": self.count,
            "mean": self._mean.tolist(),
            "deviations": self._deviations.tolist(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BandSums:
        """Rebuild the sums from what ``to_json`` gave."""
        sums = cls(len(value["mean"]))
        sums.count = value["count"]
        sums._mean = np.asarray(value["mean"], np.float64)
        sums._deviations = np.asarray(value["deviations"], np.float64)
        return sums

    def __add__(self, other: BandSums) -> BandSums:
        """The sums over both; neither is changed."""
        if not isinstance(other, BandSums):
            return NotImplemented
        if other.n_mels != self.n_mels:
            raise ValueError(f"n_mels must be equal, received {self.n_mels} and {other.n_mels}")
        total = BandSums(self.n_mels)
        for part in (self, other):
            total._merge(part.count, part._mean, part._deviations)
        return total

    def statistics(self, min_std: float = MIN_STD_DB) -> BandStatistics:
        """The mean and (population) standard deviation of each band, in the log-mel's unit.

        Args:
            min_std: minimum std of a band.

        Raises:
            UserError: nothing was added.
        """
        if not self.count:
            raise UserError(
                "no clip was received to compute band statistics from; expected at least one:"
                " check that the training split is not empty"
            )
        std = np.maximum(np.sqrt(self._deviations / self.count), min_std)
        return BandStatistics(mean=tuple(self._mean.tolist()), std=tuple(std.tolist()))

    def _merge(
        self, count: int, mean: NDArray[np.float64], deviations: NDArray[np.float64]
    ) -> None:
        if not count:
            return
        total = self.count + count
        difference = mean - self._mean
        # New arrays, never in place: a merged object must not share them with its parts.
        self._deviations = (
            self._deviations + deviations + np.square(difference) * (self.count * count / total)
        )
        self._mean = self._mean + difference * (count / total)
        self.count = total
