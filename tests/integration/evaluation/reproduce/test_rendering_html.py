import re

import pytest

from cargan_tf.evaluation.html.image_strips import save_comparison
from cargan_tf.evaluation.reproduce.measured_table import (
    Measured,
    RunNote,
    TableProvenance,
    measured_table,
)
from cargan_tf.evaluation.reproduce.paper_tables import paper_table
from cargan_tf.evaluation.reproduce.rendering import write_table_html


@pytest.fixture
def page(report, generated, tmp_path):
    """Of three runs, the last of which drew other clips."""
    measured = {}
    for position, overlay in enumerate(("ablations/a", "ablations/e", "baselines/shuffled")):
        run = tmp_path / f"run <{position}>"
        split = "train" if position == 2 else "test"
        file = run / "evaluation" / "comparison-test.npz"
        save_comparison(report.split(split), generated[split], 0, file)
        note = RunNote(str(run), 0, 6, 60.0, "c" * 64, "k" * 64)
        measured[overlay] = [Measured(report, note)]
    provenance = TableProvenance("tiny", "data", "d" * 64, "test", (0,))
    path = tmp_path / "table1.html"
    write_table_html(measured_table(paper_table("table1"), measured, provenance), path)
    return path.read_text("utf-8")


def test_the_same_clips_stand_side_by_side(page):
    titles = re.findall(r"<li><span>(.*?)</span>", page)
    assert titles == ["sound", "real photo", "A", "E"] * 2
    assert re.findall(r'alt="(.*?):', page) == titles


def test_cells_and_notes_are_those_of_the_text(page):
    assert '<td class="muted">240.7771</td><td>200.0</td>' in page
    assert "One seed; in brackets the 95 % interval" in page
    assert "rows with … are still to come" in page


def test_names_are_text_and_nothing_is_fetched(page):
    assert "run &lt;0&gt;" in page
    assert "&lt;b&gt;flute&lt;/b&gt;" in page
    assert "<b>flute" not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
