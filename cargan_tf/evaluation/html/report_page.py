"""An evaluation as one page that needs nothing else: values, curves and images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from cargan_tf.evaluation.generation import GeneratedSplit
from cargan_tf.evaluation.html.formatting import (
    LIMITS,
    SummaryLine,
    ValueTable,
    environment,
    summary,
    value_table,
    values_by_class,
)
from cargan_tf.evaluation.html.image_strips import (
    SHOWN,
    Strip,
    StripMaker,
    best,
    misclassified,
    two_per_label,
    worst,
)
from cargan_tf.evaluation.html.training_plots import training_plots
from cargan_tf.evaluation.report import REFINED, Example, Report, SplitReport
from cargan_tf.training.run import Run
from cargan_tf.utils.files import write_atomically


@dataclass(frozen=True)
class Group:
    """Clips shown for one reason."""

    title: str
    rule: str
    strips: tuple[Strip, ...]


@dataclass(frozen=True)
class SplitView:
    """Everything a page shows of one split."""

    split: SplitReport
    summary: list[SummaryLine]
    table: ValueTable
    subsets: dict[str, ValueTable]
    classes: ValueTable
    examples: dict[str, list[Strip]]
    cases: list[Group]
    sensitivity: list[Strip]
    flagged: list[Group]


def write_html(
    report: Report, generated: Mapping[str, GeneratedSplit], run: Run, path: Path
) -> None:
    """Write the page.

    Every image, curve and style is in the file; it asks no network for anything.

    Args:
        report: the values.
        generated: the images of each of the report's splits, by its name.
        run: the run, for its losses and its configuration.
        path: of the page; its folder is made.
    """
    seed = report.provenance.limits.seed
    # Held-out images first: they count most.
    ordered = sorted(report.splits, key=lambda split: split.split == "train")
    page = (
        environment()
        .get_template("report.html.jinja")
        .render(
            report=report,
            views=[_view(report, split, generated[split.split], seed) for split in ordered],
            plots=training_plots(run.read_stats()),
            config=yaml.safe_dump(run.read_info().config.model_dump(mode="json"), sort_keys=False),
            limits=LIMITS,
        )
    )
    write_atomically(path, page.encode())


def _view(report: Report, split: SplitReport, generated: GeneratedSplit, seed: int) -> SplitView:
    strips = StripMaker(generated)
    two = two_per_label(split.examples, report.labels, seed)
    first_of_each = [examples[0] for examples in two.values()][:SHOWN]
    return SplitView(
        split=split,
        summary=summary(report, split),
        table=value_table(report, split.rows),
        subsets={kind: value_table(report, rows) for kind, rows in split.subsets.items()},
        classes=values_by_class(report, split.row(REFINED)),
        examples={label: list(map(strips.strip, examples)) for label, examples in two.items()},
        cases=_cases(split, strips),
        sensitivity=[strips.sensitivity(example) for example in first_of_each],
        flagged=_flagged(split.examples, strips),
    )


def _cases(split: SplitReport, strips: StripMaker) -> list[Group]:
    groups = [
        _group(
            "Best",
            "The refined images nearest to their photos (L1), at most one of each label.",
            map(strips.retrieval, best(split.examples)),
        ),
        _group(
            "Worst",
            "The refined images farthest from their photos (L1), at most one of each label.",
            map(strips.retrieval, worst(split.examples)),
        ),
    ]
    for confusion in split.confusions:
        groups.append(
            _group(
                f"Misclassified by “{confusion.evaluator}”",
                "Refined images in which it sees another label, those farthest from their"
                " photos first.",
                map(strips.retrieval, misclassified(split.examples, confusion.evaluator)),
            )
        )
    return groups


def _flagged(examples: Sequence[Example], strips: StripMaker) -> list[Group]:
    silent = [example for example in examples if example.silent]
    noise_like = [example for example in examples if example.noise_like]
    return [
        _group(f"{len(found)} {kind}", f"The first {SHOWN}.", map(strips.strip, found[:SHOWN]))
        for kind, found in (("silent", silent), ("noise-like", noise_like))
        if found
    ]


def _group(title: str, rule: str, strips: Iterable[Strip]) -> Group:
    return Group(title, rule, tuple(strips))
