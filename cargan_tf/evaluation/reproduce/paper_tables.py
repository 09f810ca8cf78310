"""The paper's two tables and one of options: their rows, what each is trained with, the values.

A table here is data: a row names the configuration laid over the base one, a column names a metric
of the evaluation. Measured columns stand beside the paper's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from cargan_tf.errors import UserError, did_you_mean
from cargan_tf.evaluation.report import (
    CLASS_MEAN,
    CLASS_MEDIAN,
    PLAYER_MEAN,
    PLAYER_MEDIAN,
    REAL,
    REFINED,
)

_WHOLE: Final = "ablations/e"


@dataclass(frozen=True)
class Column:
    """One value of every row.

    Attributes:
        title: its heading.
        metric: name of the evaluation's metric.
        split: the pairs that it is measured on.
        key: name of the column in JSON, and of the paper's value in ``PaperRow.paper``.
    """

    title: str
    metric: str
    split: str = "test"

    @property
    def key(self) -> str:
        """Split and metric, which name the column."""
        return f"{self.split} {self.metric}"


@dataclass(frozen=True)
class PaperRow:
    """One system.

    Attributes:
        name: for ``--only`` and in JSON.
        title: what stands at its left.
        overlay: the configuration laid over the base one; rows of one overlay share their runs.
        images: which row of the evaluation it shows.
        paper: the paper's values, by the column's key.
    """

    name: str
    title: str
    overlay: str
    images: str = REFINED
    paper: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper, and what this project adds to it; or one of this project's own.

    Attributes:
        held_out: the data's split that columns of ``test`` are measured on: what is chosen by, such
            as options, must not be what is reported in the end.
    """

    name: str
    title: str
    source: str
    columns: tuple[Column, ...]
    rows: tuple[PaperRow, ...]
    held_out: Literal["test", "validation"] = "test"


_FID, _IS = Column("FID", "fid"), Column("IS", "inception_score")
_IS_BY_EVALUATOR = Column("IS, evaluator", "evaluator_inception_score")
_KID = Column("KID", "kid")
_RECALL = Column("R@1", "retrieval_1")
_PLAYER = Column("player match", "player_match")
_BY_C = Column("accuracy, C", "classifier_accuracy")
_BY_EVALUATOR = Column("accuracy, evaluator", "evaluator_accuracy")
_L1 = Column("L1", "l1")
#: What the label and the player cannot move: what is played.
_POSE = (
    Column("R@1 within the player", "retrieval_1_player"),
    Column("pose: pitch", "pose_pitch"),
    Column("pose: loudness", "pose_loudness"),
)
_TRAIN_BY_C = Column("training accuracy, C", "classifier_accuracy", "train")
_TRAIN_BY_EVALUATOR = Column("training accuracy, evaluator", "evaluator_accuracy", "train")

_SHUFFLED = PaperRow("shuffled", "control: sounds shuffled within the class", "baselines/shuffled")
#: What ignores the sound, or hears only who plays.
_CONTROLS = (
    _SHUFFLED,
    PaperRow("class-mean", "always the class's mean photo", _WHOLE, CLASS_MEAN),
    PaperRow("class-median", "always the class's median photo", _WHOLE, CLASS_MEDIAN),
    PaperRow("player-mean", "always the player's mean photo", _WHOLE, PLAYER_MEAN),
    PaperRow("player-median", "always the player's median photo", _WHOLE, PLAYER_MEDIAN),
)


#: Sec. 4.2, Table 1, on the test split of Sub-URMP at 256×256; features of Inception.
TABLE_1: Final = PaperTable(
    name="table1",
    title="Table 1: what each part of CAR-GAN is worth",
    source="Table 1 of the paper: Sub-URMP, test split, 256×256",
    columns=(_FID, _IS, _KID, _IS_BY_EVALUATOR, _RECALL, _PLAYER, _BY_EVALUATOR, *_POSE, _L1),
    rows=(
        PaperRow(
            "a", "A: no attention", "ablations/a", paper={_FID.key: 279.3022, _IS.key: 3.2221}
        ),
        PaperRow(
            "b",
            "B: no classification loss",
            "ablations/b",
            paper={_FID.key: 332.1574, _IS.key: 3.4337},
        ),
        PaperRow(
            "c", "C: no residue module", "ablations/c", paper={_FID.key: 380.1104, _IS.key: 2.0699}
        ),
        PaperRow(
            "d", "D: no second stage", "ablations/d", paper={_FID.key: 307.3725, _IS.key: 3.7215}
        ),
        PaperRow("e", "E: the whole", _WHOLE, paper={_FID.key: 240.7771, _IS.key: 4.2023}),
        *_CONTROLS,
        PaperRow("real", "real photos", _WHOLE, REAL, paper={_IS.key: 4.7552}),
    ),
)

#: Sec. 4.2, Table 2: accuracy of a ResNet50 that was trained on the real photos, as C is.
TABLE_2: Final = PaperTable(
    name="table2",
    title="Table 2: CAR-GAN and the systems that it is compared with",
    source="Table 2 of the paper: Sub-URMP, training and test split, 256×256",
    columns=(
        *(_TRAIN_BY_C, _BY_C, _TRAIN_BY_EVALUATOR, _BY_EVALUATOR),
        *(_RECALL, _PLAYER, _FID, _KID),
        *_POSE,
        _L1,
    ),
    rows=(
        PaperRow(
            "s2ic", "S2IC", "baselines/s2ic", paper={_TRAIN_BY_C.key: 0.8737, _BY_C.key: 0.7556}
        ),
        PaperRow(
            "cmcgan",
            "CMCGAN",
            "baselines/cmcgan",
            paper={_TRAIN_BY_C.key: 0.9105, _BY_C.key: 0.7661},
        ),
        PaperRow("car-gan", "CAR-GAN", _WHOLE, paper={_TRAIN_BY_C.key: 0.9954, _BY_C.key: 0.9033}),
        *_CONTROLS,
        PaperRow("real", "real photos", _WHOLE, REAL),
    ),
)

#: Not the paper's: what was published after it, each alone on top of the whole; and some together.
TABLE_OPTIONS: Final = PaperTable(
    name="options",
    title="Options: what the field has learned since, each alone",
    source="this project; the paper has none of them",
    columns=(_BY_EVALUATOR, _FID, _KID, _RECALL, _PLAYER, *_POSE, _L1),
    rows=(
        PaperRow("e", "the paper's, without options", _WHOLE),
        PaperRow("ema", "EMA", "options/ema"),
        PaperRow("spectral", "spectral normalization of D", "options/spectral"),
        PaperRow("gradient-penalty", "R1 gradient penalty", "options/gradient-penalty"),
        PaperRow("two-rates", "two time-scale rates", "options/two-rates"),
        PaperRow("hinge", "hinge loss", "options/hinge"),
        PaperRow("feature-matching", "feature matching", "options/feature-matching"),
        PaperRow("augmentation", "differentiable augmentation", "options/augmentation"),
        PaperRow("perceptual", "perceptual loss by C", "options/perceptual"),
        PaperRow("wide", "second stage of twice the width", "options/wide"),
        PaperRow("wide-outside", "wider outside, as wide within", "options/wide-outside"),
        PaperRow("one-attention", "one attention a generator", "options/one-attention"),
        PaperRow("fewer-skips", "G1 without its outer skips", "options/fewer-skips"),
        PaperRow("together", "those of the shipped model together", "options/together"),
        *_CONTROLS,
    ),
    held_out="validation",
)

TABLES: Final = {table.name: table for table in (TABLE_1, TABLE_2, TABLE_OPTIONS)}


def paper_table(name: str) -> PaperTable:
    """The table of that name; raises ``UserError``."""
    if name not in TABLES:
        raise UserError(
            f"no table {name!r}; there are {', '.join(TABLES)}.{did_you_mean(name, TABLES)}"
        )
    return TABLES[name]
