"""Evaluation reports: each value with its sample size, interval and floor, to and from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from cargan_tf.errors import UserError

#: Raised when a reader of older reports would misread a new one, or would compare unlike values:
#: those of format 2 have a biased KID and one evaluator.
FORMAT = 3

#: Under the run's directory: the report, and the page that shows it.
FOLDER, REPORT_FILE, PAGE_FILE = "evaluation", "report.json", "report.html"

#: The feature network of FID, KID and IS unless another is asked for.
DEFAULT_FEATURES: Final = "efficientnet-lite0"

#: Rows of every split, in this order; those of compared runs follow under the runs' names.
REFINED, COARSE, REAL = "refined", "coarse", "real photos"
#: Rows of one still photo for all sounds of a class, or of a player; between coarse and real.
CLASS_MEAN, CLASS_MEDIAN = "class mean", "class median"
PLAYER_MEAN, PLAYER_MEDIAN = "player mean", "player median"


@dataclass(frozen=True)
class MetricValue:
    """One measured number.

    Attributes:
        value: in the metric's unit.
        images: how many images it was measured on (N of the fake ones).
        real: real photos they were compared with, for measures of distributions.
        interval: Wilson's 95 % interval of a fraction.
        standard_error: by the jackknife over pairs (KID).
        chance: what guessing would give: a label, for accuracies, else a photo of the class.
        floor: the same measure between two disjoint halves of the real photos.
        class_median: the same measure of the median photo of the class (L1): about the least that
            an image can have that is chosen by the label alone.
        at_floor_size: the measure between one of those halves and images that belong to the
            other: to be compared with ``floor``, as it has the same numbers of images.
        singular: whether a covariance has no full rank, which is so when N <= features.
        network: name of the network whose features or classes were used; see ``Report.networks``.
        by_network: the same value by each of several evaluators; ``value`` is their mean.
        std: standard deviation over those evaluators.
        by_class: the same value of each class in which it can be measured.
        class_average: mean of ``by_class``: each class counts the same, however many clips it has.
    """

    value: float
    images: int
    real: int | None = None
    interval: tuple[float, float] | None = None
    standard_error: float | None = None
    chance: float | None = None
    floor: float | None = None
    class_median: float | None = None
    at_floor_size: float | None = None
    singular: bool | None = None
    network: str | None = None
    by_network: tuple[float, ...] | None = None
    std: float | None = None
    by_class: dict[str, MetricValue] | None = None
    class_average: float | None = None


@dataclass(frozen=True)
class Row:
    """Values of one kind of images: ``refined``, ``coarse``, a still training photo (``class
    mean``, ``class median``, ``player mean``, ``player median``), ``real photos``, or a compared
    run."""

    name: str
    values: dict[str, MetricValue]  # by the metric's name; what is absent was not measured


@dataclass(frozen=True)
class Confusion:
    """Labels given against labels recognized in the refined images."""

    evaluator: str  # name of a network: "evaluator" or "classifier"
    counts: tuple[tuple[int, ...], ...]  # [true label][label seen], in the order of the labels


@dataclass(frozen=True)
class Example:
    """One pair of a split, so that the best and the worst can be shown."""

    index: int  # index in the arrays of the GeneratedSplit
    key: str
    recording: str
    label: str
    player: str  # empty where the data names none
    silent: bool
    noise_like: bool
    coarse_l1: float
    refined_l1: float
    predictions: dict[str, str]  # label seen in the refined image, by the network's name
    rank: int  # of its own photo among its class's, 1 is nearest to the refined image
    candidates: int  # photos of its class
    nearest: int  # index of the photo that is nearest


@dataclass(frozen=True)
class SplitReport:
    """One split.

    Attributes:
        split: ``train``, ``validation`` or ``test``.
        pairs: how many were measured.
        available: how many the split has; where there are more, the choice was seeded and even
            over the classes.
        rows: values over all pairs.
        subsets: values over ``music`` alone and over the ``silent`` and the ``noise-like`` clips;
            empty where all are music.
        confusions: of the refined images.
        examples: one record per pair, in the order of the arrays.
    """

    split: str
    pairs: int
    available: int
    rows: tuple[Row, ...]
    subsets: dict[str, tuple[Row, ...]]
    confusions: tuple[Confusion, ...]
    examples: tuple[Example, ...]

    def row(self, name: str) -> Row:
        """The row of that name; raises ``KeyError``."""
        return by_name(self.rows, name)


@dataclass(frozen=True)
class MetricInfo:
    """What a metric is, for tables and pages."""

    name: str  # key of Row.values
    title: str  # heading of its column
    better: Literal["higher", "lower", "neither"]
    fraction: bool  # in 0..1, shown in per cent or with three decimals
    meaning: str  # one sentence, and how it can mislead


@dataclass(frozen=True)
class NetworkInfo:
    """A network that classified images or extracted features."""

    name: str  # "efficientnet-lite0", "inception", "classifier" or "evaluator"
    description: str  # its architecture and what it was trained on
    weights_hash: str  # SHA-256
    resize: str  # the one rule by which images become its input
    features: int  # length of its feature vector
    accuracy: float | None = None  # on held-out real photos, if of the data's labels; their mean


@dataclass(frozen=True)
class SkippedMetric:
    """A metric that was not measured."""

    metric: str  # with split and row, as far as they apply
    reason: str


@dataclass(frozen=True)
class Limits:
    """How much is measured; where a split has more, a seeded choice, even over the classes.

    Attributes:
        train: pairs of the training split.
        held_out: pairs of any other split.
        seed: of the choice, of the permutations, of halves and subsets.
    """

    train: int = 390
    held_out: int = 2_000
    seed: int = 0


@dataclass(frozen=True)
class Provenance:
    """Run, checkpoint, data and versions of an evaluation."""

    run: str
    config_name: str
    config_hash: str
    checkpoint: str  # file name without ending, such as step-1314
    checkpoint_hash: str
    step: int
    data: str
    data_hash: str  # SHA-256 of dataset.json
    trained_on_data_hash: str
    compared: dict[str, str]  # row name -> path of its run
    features: str  # name of the feature network as it was asked for
    limits: Limits
    versions: dict[str, str]  # of Python and of packages
    date: str  # ISO 8601, UTC


@dataclass(frozen=True)
class Report:
    """An evaluation."""

    format: int
    provenance: Provenance
    labels: tuple[str, ...]
    metrics: tuple[MetricInfo, ...]  # in the order in which values are shown
    networks: tuple[NetworkInfo, ...]
    splits: tuple[SplitReport, ...]
    skipped_metrics: tuple[SkippedMetric, ...]

    def skipped_by_reason(self) -> dict[str, list[str]]:
        """Reasons for which metrics were not measured, and what of, in the order of the report."""
        reasons: dict[str, list[str]] = {}
        for skipped in self.skipped_metrics:
            reasons.setdefault(skipped.reason, []).append(skipped.metric)
        return reasons

    def split(self, name: str) -> SplitReport:
        """The split of that name; raises ``KeyError``."""
        for split in self.splits:
            if split.split == name:
                return split
        raise KeyError(name)

    def metric(self, name: str) -> MetricInfo:
        """The metric of that name; raises ``KeyError``."""
        return by_name(self.metrics, name)

    def network(self, name: str) -> NetworkInfo:
        """The network of that name; raises ``KeyError``."""
        return by_name(self.networks, name)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        values: dict[str, Any] = _ADAPTER.dump_python(self, mode="json", exclude_none=True)
        return values

    @classmethod
    def from_json(cls, values: Any, source: str) -> Report:
        """The inverse of ``to_json``; ``values`` is whatever the file ``source`` holds.

        Raises:
            UserError: it is damaged or of another format.
        """
        if not isinstance(values, Mapping):
            raise UserError(f"{source} is damaged: it holds no report; evaluate the run again.")
        if values.get("format") != FORMAT:
            raise UserError(
                f"{source} has the report format {values.get('format')!r}, this version reads"
                f" {FORMAT}: evaluate the run again."
            )
        try:
            return _ADAPTER.validate_python(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UserError(
                f"{source} is damaged: {where}: {first['msg']}; evaluate the run again."
            ) from error


def by_name(items: tuple[Any, ...], name: str) -> Any:
    """The item of that name; raises ``KeyError``."""
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)


_ADAPTER = TypeAdapter(Report)
