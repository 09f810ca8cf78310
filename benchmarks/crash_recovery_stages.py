"""The commands that are killed: how each is called, what it leaves, and what a reader may see."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cargan_tf.data.dataset import DATASET_FILE
from cargan_tf.evaluation.html.image_strips import comparison_file
from cargan_tf.evaluation.report import FOLDER as EVALUATION
from cargan_tf.evaluation.report import PAGE_FILE, REPORT_FILE
from cargan_tf.export.metadata import METADATA_FILE
from cargan_tf.export.model_registry import versions_in
from cargan_tf.training import checkpoints

#: Of a table, what depends on the clock and on where it lies.
_BY_CHANCE = ("training_seconds", "path", "data", "checkpoint_hash")


@dataclass(frozen=True)
class Stage:
    """One command.

    Attributes:
        name: of the command.
        words: its words, from the folders of the material and of the results.
        look: reads what is among the results and raises if it is not whole; how much was there.
        result: name -> digest of what the command leaves, once it is done.
        prepare: makes the results' folder ready, from the same folders.
    """

    name: str
    words: Callable[[Path, Path], list[str]]
    look: Callable[[Path], int]
    result: Callable[[Path], dict[str, str]]
    prepare: Callable[[Path, Path], object] = lambda material, position: None


class HalfWritten(Exception):
    """A reader saw a file that is not whole."""


def _preprocess_words(material: Path, position: Path) -> list[str]:
    config = str(material / "tiny.yaml")
    return ["preprocess", str(material / "source"), str(position / "data"), "--config", config]


def _check_data(position: Path) -> int:
    description = position / "data" / DATASET_FILE
    if not description.exists():
        return 0
    for shards in json.loads(description.read_bytes())["shards"].values():
        for shard in shards:
            _must_be(description.parent / shard["name"], shard["sha256"])
    return 1


def _data_result(position: Path) -> dict[str, str]:
    """All bytes, hidden files too."""
    return _digests(position / "data")


def _train_words(material: Path, position: Path) -> list[str]:
    run = position / "run"
    words = ["train", str(material / "data"), "--run", str(run)]
    return [*words, "--resume"] if (run / "run.json").exists() else words


def _check_run(position: Path) -> int:
    return _check_checkpoints(position / "run")


def _check_checkpoints(run: Path) -> int:
    """The newest that has its checksums, unless a newer one has come meanwhile."""
    if (run / "run.json").exists():
        json.loads((run / "run.json").read_bytes())
    newest = _newest(run)
    if newest is None:
        return 0
    fault = checkpoints.find_damage(newest)
    if fault is not None and _newest(run) == newest:
        raise HalfWritten(f"{newest}: {fault}")
    return 1


def _run_result(position: Path) -> dict[str, str]:
    return _weights(position / "run") | {"steps": _steps(position / "run")}


def _export_words(material: Path, position: Path) -> list[str]:
    return ["export", str(material / "run"), str(position / "models")]


def _check_models(position: Path) -> int:
    for version in versions_in(position / "models"):
        folder = position / "models" / str(version)
        for name, digest in json.loads((folder / METADATA_FILE).read_bytes())["hashes"].items():
            _must_be(folder / name, digest)
    return len(versions_in(position / "models"))


def _export_result(position: Path) -> dict[str, str]:
    """The newest version. TensorFlow's fingerprint has an identity by chance, and the warm-up
    requests are a protocol buffer whose maps have no order."""
    folder = position / "models" / str(max(versions_in(position / "models")))
    metadata = json.loads((folder / METADATA_FILE).read_bytes())
    del metadata["hashes"]
    wanted = ("saved_model.pb", "variables/")
    files = {name: d for name, d in _digests(folder).items() if name.startswith(wanted)}
    left = [path.name for path in (position / "models").glob(".export-*")]
    return files | {"metadata": _digest(json.dumps(metadata).encode()), "left": str(left)}


def _reproduce_words(material: Path, position: Path) -> list[str]:
    words = [
        "reproduce",
        "table1",
        str(position / "data"),
        "--only",
        "d",
        "--features",
        "classifier",
    ]
    return [*words, "--config", str(material / "tiny.yaml"), "--out", str(position / "out")]


def _without_classifiers(material: Path, position: Path) -> None:
    ignored = shutil.ignore_patterns("classifier", "sound_classifier", "evaluator")
    shutil.copytree(material / "data", position / "data", ignore=ignored)


def _check_tables(position: Path) -> int:
    runs = [file.parent for file in position.glob("out/runs/*/*/run.json")]
    seen = sum(map(_check_checkpoints, runs))
    for file in [
        position / "out" / "table1.json",
        *(run / EVALUATION / REPORT_FILE for run in runs),
    ]:
        if file.exists():
            json.loads(file.read_bytes())
            seen += 1
    for file in [position / "out" / "table1.html", *(run / EVALUATION / PAGE_FILE for run in runs)]:
        if file.exists():
            if not file.read_bytes().rstrip().endswith(b"</html>"):
                raise HalfWritten(str(file))
            seen += 1
    for file in (comparison_file(run, "test") for run in runs):
        if file.exists():
            with np.load(file) as arrays:
                seen += len([arrays[name].shape for name in arrays]) > 0
    return seen


def _tables_result(position: Path) -> dict[str, str]:
    table = _without(json.loads((position / "out" / "table1.json").read_bytes()), _BY_CHANCE)
    (run,) = (file.parent for file in position.glob("out/runs/*/*/run.json"))
    return _weights(run) | {"table": _digest(json.dumps(table).encode()), "steps": _steps(run)}


def _weights(run: Path) -> dict[str, str]:
    """Every tensor of the newest checkpoint, but for TensorFlow's count of what was saved."""
    import tensorflow as tf

    newest = _newest(run)
    reader = tf.train.load_checkpoint(str(newest))
    return {
        name: _digest(np.asarray(reader.get_tensor(name)).tobytes())
        for name in reader.get_variable_to_shape_map()
        if not name.startswith(("_CHECKPOINTABLE", "save_counter"))
    }


def _steps(run: Path) -> str:
    """What stats.jsonl tells, without the speeds."""
    told = [json.loads(line) for line in (run / "stats.jsonl").read_text("utf-8").splitlines()]
    return json.dumps(_without(told, ("images_per_second", "waiting_for_data")))


def _newest(run: Path) -> Path | None:
    sealed = (run / "checkpoints").glob(f"*{checkpoints.CHECKSUMS_SUFFIX}")
    numbered = {int(file.stem.rpartition("-")[2]): file.with_suffix("") for file in sealed}
    return numbered[max(numbered)] if numbered else None


def _must_be(file: Path, digest: str) -> None:
    if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
        raise HalfWritten(str(file))


def _digests(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): _digest(file.read_bytes()) for file in files}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _without(value: Any, names: tuple[str, ...]) -> Any:
    """``value`` without the entries of these names, however deep."""
    if isinstance(value, dict):
        return {name: _without(inner, names) for name, inner in value.items() if name not in names}
    return [_without(inner, names) for inner in value] if isinstance(value, list) else value


STAGES = (
    Stage("preprocess", _preprocess_words, _check_data, _data_result),
    Stage("train", _train_words, _check_run, _run_result),
    Stage("export", _export_words, _check_models, _export_result),
    Stage("reproduce", _reproduce_words, _check_tables, _tables_result, _without_classifiers),
)
