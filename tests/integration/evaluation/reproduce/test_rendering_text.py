from dataclasses import replace

import pytest

from cargan_tf.evaluation.reproduce.measured_table import (
    Cell,
    Measured,
    RunNote,
    TableProvenance,
    measured_table,
)
from cargan_tf.evaluation.reproduce.paper_tables import paper_table
from cargan_tf.evaluation.reproduce.rendering import to_markdown


@pytest.fixture
def make_table(make_report):
    def make(name, seeds, **values):
        notes = [
            RunNote(f"runs/e/seed-{seed}", seed, 1314, 120.0, "c" * 64, "k" * 64)
            for seed in range(seeds)
        ]
        measured = {
            "ablations/e": [
                Measured(
                    make_report(**{key: value + note.seed for key, value in values.items()}), note
                )
                for note in notes
            ]
        }
        provenance = TableProvenance("tiny", "data", "d" * 64, "test", tuple(range(seeds)))
        return measured_table(paper_table(name), measured, provenance)

    return make


def rows_of(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_measured_figures_stand_beside_the_papers(make_table):
    head, _, *rows = rows_of(to_markdown(make_table("table1", 1, fid=120.25)))
    assert head == [
        *("", "FID, paper", "FID ↓", "IS, paper", "IS ↑", "KID ↓", "IS, evaluator"),
        *("R@1 ↑", "player match ↑", "accuracy, evaluator ↑"),
        *("R@1 within the player", "pose: pitch", "pose: loudness", "L1 ↓"),
    ]
    by_title = {row[0]: row[1:] for row in rows}
    assert by_title["E: the whole"] == [
        *("240.7771", "120.2", "4.2023", "–", "–", "–"),
        *("0.250 (0.200–0.300)", "–", "0.750", *["–"] * 4),
    ]
    assert by_title["A: no attention"] == ["279.3022", "…", "3.2221", *["…"] * 10]
    assert by_title["always the class's mean photo"][6:9] == ["0.167", "–", "1.000"]
    assert by_title["real photos"][2:4] == ["4.7552", "1.900"]


def test_several_seeds_are_a_mean_and_its_spread(make_table):
    text = to_markdown(make_table("table1", 3, fid=120.0))
    assert "121.0 ± 1.000" in text
    assert "Mean ± standard deviation over 3 seeds." in text


def test_the_notes_say_how_far_it_can_be_believed(make_table):
    text = to_markdown(make_table("table1", 1))
    for said in (
        "Not finished: rows with … are still to come.",
        "FID: 12 images, 12 real photos, network evaluator, floor 44.00, at its size 210.0, singu",
        "R@1: 12 images, 95 %: 0.200 to 0.300, chance 0.167. Fraction whose own photo is nearest.",
        "Network evaluator: a network, accuracy 0.990 on photos; resize bilinear;"
        " weights ffffffffffff.",
        "Configuration tiny, data data (dataset.json dddddddddddd), seeds 0. python 3.11,",
        "| runs/e/seed-0 | 0 | 1314 | 2 min | cccccccccccc | kkkkkkkkkkkk |",
        "not with the paper's numbers",
    ):
        assert said in text, said


def test_table_2_has_both_splits(make_table):
    head, _, *rows = rows_of(to_markdown(make_table("table2", 1, classifier_accuracy=0.5)))
    assert head[1:3] == ["training accuracy, C, paper", "training accuracy, C ↑"]
    by_title = {row[0]: row[1:] for row in rows}
    assert by_title["CAR-GAN"][:6] == ["0.9954", "0.500", "0.9033", "0.500", "0.750", "0.750"]
    assert by_title["S2IC"][:3] == ["0.8737", "…", "0.7556"]


def test_the_spread_of_the_evaluators_stands_beside_their_mean(make_table):
    table = make_table("table1", 1, evaluator_accuracy=0.75)
    column = "test evaluator_accuracy"
    rows = []
    for row in table.rows:
        if column in row.cells:
            value = replace(row.cells[column].values[0], by_network=(0.7, 0.8), std=0.0707)
            row = replace(row, cells={**row.cells, column: Cell(0.75, None, (value,))})
        rows.append(row)
    text = to_markdown(replace(table, rows=tuple(rows)))
    assert "| 0.750 ± 0.071 |" in text
    assert "std 0.071 over evaluators, 0.700 to 0.800" in text
