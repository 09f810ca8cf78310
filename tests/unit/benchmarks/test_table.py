import io

import pytest
from rich.console import Console

from benchmarks.table import rows_of, table_of

STEP = {
    "seconds": 1.0,
    "product_gflops": 300.0,
    "share_of_product": 0.5,
    "peak_gib": 2.0,
    "step_gib": 1.0,
}
MEASURED = {
    "training 256 ours": {**STEP, "images_per_second": 6.0},
    "training 256 plain-attention": {
        **STEP,
        "images_per_second": 5.0,
        "peak_gib": 5.0,
        "step_gib": 4.0,
    },
    "training 256 authors": {**STEP, "images_per_second": 3.0},
    "training 256 replicas": {**STEP, "images_per_second": 5.7},
    "preprocessing paper": {
        "pairs_per_second": 300.0,
        "loop_pairs_per_second": 30.0,
        "times_the_loop": 10.0,
        "drawing_loop_pairs_per_second": 5.0,
        "times_the_drawing_loop": 60.0,
    },
    "start-up": {
        "help_seconds": 0.3,
        "demo_seconds": 0.7,
        "generate_seconds": 5.0,
        "importing_tensorflow_seconds": 4.0,
        "generate_beyond_import_seconds": 1.0,
    },
    "live": {
        "load": 0.1,
        "images_per_second": 29.0,
        "latency_ms": 60.0,
        "chromium_images_per_second": 26.0,
        "chromium_latency_ms": 160.0,
    },
    "waiting quickstart": {"images_per_second": 60.0, "waiting_for_data": 0.005},
}


@pytest.fixture
def rows():
    """The first of each name."""
    return {row.name: row for row in reversed(rows_of(MEASURED))}


def test_preprocessing_stands_beside_the_loop_of_users_too():
    plain, drawing = (row for row in rows_of(MEASURED) if row.name == "preprocessing paper")
    assert (plain.value, drawing.value) == (10.0, 60.0)
    assert "matplotlib" in drawing.reference


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("training 256", 2.0, False),  # 2.5 is asked for
        ("training 256, share", 0.5, True),
        ("peak memory of the process, 256", 0.4, None),
        ("of it the step's own, 256", 0.25, True),
        ("four replicas, 256", 0.95, True),
        ("preprocessing paper", 10.0, True),
        ("cargan --help", 0.3, False),
        ("cargan demo, first answer", 0.7, True),
        ("live tab, Chromium", 26.0, True),
        ("live tab, Chromium, sound to image", 160.0, False),
        ("cargan generate, beyond TensorFlow", 1.0, True),
        ("waiting for data, quickstart", 0.005, True),
    ],
)
def test_each_row_is_a_ratio_with_its_target(rows, name, value, met):
    assert rows[name].value == pytest.approx(value)
    assert rows[name].met is met


def test_one_measurement_alone_has_rows_too():
    (row,) = rows_of({"training 128 ours": MEASURED["training 256 ours"]})
    assert row.ours == "150 GFLOP/s"


def test_the_table_names_what_is_missed(rows):
    console = Console(file=io.StringIO(), width=120)
    console.print(table_of(rows.values()))
    lines = console.file.getvalue().splitlines()
    (help_line,) = [line for line in lines if "--help" in line]
    assert "0.30 s" in help_line
    assert "≤ 0.25 s" in help_line
    assert "no" in help_line
