import pytest

from cargan_tf.config import shipped_configs
from cargan_tf.errors import UserError
from cargan_tf.evaluation.html.formatting import QUESTIONS
from cargan_tf.evaluation.metrics.registry import METRICS
from cargan_tf.evaluation.reproduce.paper_tables import TABLES, paper_table


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_consistent(table):
    keys = {column.key for column in table.columns}
    assert len({row.name for row in table.rows}) == len(table.rows)
    for row in table.rows:
        assert row.overlay in shipped_configs()
        assert set(row.paper) <= keys


def test_what_is_shown_is_measured():
    measured = {metric.info.name for metric in METRICS}
    shown = {column.metric for table in TABLES.values() for column in table.columns}
    shown |= {question.metric for question in QUESTIONS}
    shown |= {question.compared[1] for question in QUESTIONS if question.compared}
    assert shown <= measured


def test_all_hold_controls_that_do_not_listen_and_measures_that_show_it():
    for table in TABLES.values():
        controls = {"shuffled", "class-mean", "class-median", "player-mean", "player-median"}
        assert controls <= {row.name for row in table.rows}
        assert {
            *("retrieval_1", "player_match", "retrieval_1_player", "pose_pitch", "pose_loudness"),
            "l1",
        } <= {column.metric for column in table.columns}


def test_the_papers_figures_fit_its_own_words():
    """Sec. 4.2 states gains in per cent; they follow from the printed tables."""
    fidelity = {row.name: row.paper for row in paper_table("table1").rows}
    for row, by in (("b", 27.51), ("c", 36.66), ("d", 21.67)):
        gain = 1 - fidelity["e"]["test fid"] / fidelity[row]["test fid"]
        assert gain * 100 == pytest.approx(by, abs=0.01)
    for row, by in (("b", 22.39), ("c", 103.01), ("d", 13.01)):
        gain = fidelity["e"]["test inception_score"] / fidelity[row]["test inception_score"] - 1
        assert gain * 100 == pytest.approx(by, abs=0.1)
    accuracy = {row.name: row.paper for row in paper_table("table2").rows}
    for row, train, test in (("s2ic", 13.93, 19.55), ("cmcgan", 9.32, 17.91)):
        for split, by in (("train", train), ("test", test)):
            ours, theirs = (
                accuracy[name][f"{split} classifier_accuracy"] for name in ("car-gan", row)
            )
            assert (ours / theirs - 1) * 100 == pytest.approx(by, abs=0.01)


def test_an_unknown_table_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"table1, table2, options\. Did you mean 'table1'"):
        paper_table("tabel1")
