import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

#: As `cargan reproduce` does, but without TensorFlow's graph optimizer: most of the time until a
#: first step is done goes into it.
REPRODUCE = """
import sys
from pathlib import Path

def prepare():
    import tensorflow as tf
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

if __name__ == "__main__":
    from cargan_tf.config import load_config
    from cargan_tf.evaluation.reproduce.reproduce import reproduce

    data, config, out = sys.argv[1:]
    reproduce(
        "table1",
        Path(data),
        load_config(config),
        Path(out),
        only=["e"],
        features="classifier",
        prepare=prepare,
    )
"""
STEPS, CHECKPOINT_STEPS = 60, 5


@pytest.fixture
def data(tiny_data, tiny_classifier, tmp_path):
    """A copy of the data set with its classifier, whose evaluator is trained in a moment."""
    copy = tmp_path / "data"
    shutil.copytree(tiny_data, copy)
    description = json.loads((copy / "dataset.json").read_text("utf-8"))
    description["config"]["evaluator"] = {
        **{"input_size": 32, "steps": 1, "batch_size": 4},
        "minimum_accuracy": 0,
    }
    (copy / "dataset.json").write_text(json.dumps(description), "utf-8")
    return copy


@pytest.fixture
def config(tiny_yaml, tmp_path):
    import yaml

    values = yaml.safe_load(tiny_yaml.read_text("utf-8"))
    values["training"] |= {"steps": STEPS, "checkpoint_steps": CHECKPOINT_STEPS}
    values["monitor"] = dict.fromkeys(("grid_steps", "validation_steps"), STEPS)
    values["monitor"] |= {"log_steps": 1, "validation_clips": 6}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


@pytest.mark.slow
def test_killed_while_it_trains_the_same_command_goes_on_to_the_table(
    data, config, tmp_path, cargan
):
    script = tmp_path / "reproduce.py"
    script.write_text(REPRODUCE)
    out = tmp_path / "out"
    words = [sys.executable, script, data, config, out]
    run = out / "runs" / "ablations-e" / "seed-0"
    process = subprocess.Popen(words)
    _wait_for(run / "checkpoints" / f"step-{CHECKPOINT_STEPS}.index", process)
    process.send_signal(signal.SIGKILL)
    process.wait()

    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if line["kind"] == "training"]
    assert steps == list(range(1, STEPS + 1))
    # It began twice, each time with a mark and a writer of its own, and not from nothing.
    assert len(list((run / "tensorboard").iterdir())) == 2 * 2
    for name in ("report.json", "report.html", "comparison-test.npz"):
        assert (run / "evaluation" / name).stat().st_size > 1000

    shown = cargan("reproduce", "table1", data, "--config", config, "--only", "e", "--out", out)
    assert shown.status == 0, shown.err
    header, whole = (
        [cell.strip() for cell in line.split("|")]
        for line in shown.out.splitlines()
        if line.startswith(("| | ", "| E: the whole"))
    )
    cells = dict(zip(header, whole, strict=True))
    assert cells["FID, paper"] == "240.7771"
    assert float(cells["FID ↓"]) > 0
    assert 0 <= float(cells["R@1 ↑"].split()[0]) <= 1
    assert shown.out.count("| … |") > 0  # the other rows
    assert shown.out.splitlines()[-1] == (
        f"Table: {out}/table1.md, and with images {out}/table1.html"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("table3",), "is not one of 'table1', 'table2'"),
        (("table1", "missing"), "no prepared data set in missing"),
        (("table1", "data", "--only", "f"), "table1 has no row 'f'; its rows are a, b, c, d, e,"),
        (("table1", "data", "--seeds", "0"), "0 is not in the range x>=1"),
        (("table1", "data", "--config", "quickstart"), "was made with audio.sample_rate = 8000"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(cargan, data, words, said):
    assert said in cargan("reproduce", *words, cwd=data.parent).error
    assert not (data.parent / "reproduced").exists()


def _wait_for(file, process):
    deadline = time.monotonic() + 300
    while not file.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
