"""Scores of systems whose figures are known without measuring."""

import csv
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from helpers.config import tiny_benchmark_config
from PIL import Image

from cargan_tf.errors import UserError
from cargan_tf.evaluation import benchmark
from cargan_tf.evaluation.benchmark import make_benchmark, read_info, results, score

EXAMPLE = Path(__file__).parents[3] / "examples" / "nearest_spectrum.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark") / "bench"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "SIZES", {"small": (18, 1)})
        make_benchmark(out, "small", config=tiny_benchmark_config())
    return out


@pytest.fixture(scope="module")
def clips(made):
    with (made / "clips.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def gray(clips, tmp_path_factory):
    """A system that knows nothing: images of one gray, always the first label."""
    folder = tmp_path_factory.mktemp("gray")
    for clip in clips:
        Image.new("RGB", (32, 32), (128, 128, 128)).save(folder / f"{clip['clip']}.png")
    rows = [f"{clip['clip']},{clips[0]['label']}" for clip in clips]
    (folder / "labels.csv").write_text("\n".join(["clip,label", *rows]))
    return folder


@pytest.fixture(scope="module")
def scored(made, gray):
    """The table with the gray system and the example's, which copies training photos."""
    score(made, "gray", gray, gray / "labels.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["nearest_spectrum.py", str(made), str(gray / "nearest")])
        names = runpy.run_path(str(EXAMPLE))
        names["main"].__globals__["SIZE"] = 32
        names["main"](made, gray / "nearest")
    score(made, "nearest", gray / "nearest", gray / "nearest" / "labels.csv")
    return {row.name: row.values for row in results(made)}


def test_each_test_clip_has_a_sound_and_a_label(made, clips):
    assert len(clips) == read_info(made).clips == 13 * 6
    assert len({clip["clip"] for clip in clips}) == len(clips)
    assert all((made / clip["sound"]).is_file() for clip in clips)
    assert len({clip["label"] for clip in clips}) == 13


def test_still_and_real_photos_stand_beside_a_system(scored):
    stills = {"class mean", "class median", "player mean", "player median"}
    assert scored.keys() >= {*stills, "real photos", "nearest training sound", "gray", "nearest"}


def test_one_gray_image_scores_as_computed_by_hand(made, clips, scored):
    distances = []
    for clip in clips:
        photo = made / "sample" / clip["sound"].removeprefix("sample/")
        photo = Path(str(photo).replace("chunk", "img", 1)).with_suffix(".jpg")
        with Image.open(photo) as image:
            pixels = np.asarray(image.convert("RGB").resize((32, 32), Image.Resampling.BOX))
        distances.append(np.abs(pixels / 127.5 - 128 / 127.5).mean())
    assert scored["gray"]["l1"].value == pytest.approx(np.mean(distances), abs=0.01)
    assert scored["gray"]["recognition"].value == pytest.approx(1 / 13)
    assert scored["gray"]["retrieval_1"].value <= 0.35  # six photos a class, one of them right


def test_a_system_that_copies_photos_beats_gray(scored):
    assert scored["nearest"]["l1"].value < scored["gray"]["l1"].value
    assert scored["nearest"]["fid"].value < scored["gray"]["fid"].value
    assert scored["nearest"]["recognition"].value > 3 / 13


def test_recognition_alone_keeps_the_figures_of_the_images(made, gray, clips, tmp_path, scored):
    labels = ["clip,label", *(f"{clip['clip']},{clip['label']}" for clip in clips)]
    (tmp_path / "labels.csv").write_text("\n".join(labels))
    score(made, "gray", recognized=tmp_path / "labels.csv")
    values = next(row.values for row in results(made) if row.name == "gray")
    assert values["recognition"].value == 1
    assert values["l1"].value == scored["gray"]["l1"].value


def test_systems_of_similar_names_have_a_file_each(made, scored, gray):
    for name in ("my gray", "my-gray"):
        score(made, name, recognized=gray / "labels.csv")
    assert {"my gray", "my-gray"} <= {row.name for row in results(made)}
    for name in ("my gray", "my-gray"):
        benchmark._result_file(made, name).unlink()


def test_results_of_other_data_are_not_listed(made, scored):
    file = made / "results" / "other.json"
    stored = json.loads((made / "results" / "gray.json").read_text())
    file.write_text(json.dumps({**stored, "system": "other", "data_hash": "0" * 64}))
    assert "other" not in {row.name for row in results(made)}
    file.unlink()


def test_missing_and_misfit_answers_are_named(made, clips, gray, tmp_path):
    with pytest.raises(UserError, match=r"lacks 78 images of 78, such as .*\.png"):
        score(made, "x", tmp_path)
    for clip in clips:
        Image.new("RGB", (33, 32)).save(tmp_path / f"{clip['clip']}.png")
    with pytest.raises(UserError, match=r"33×32 pixels; expected 32×32"):
        score(made, "x", tmp_path)
    (tmp_path / "few.csv").write_text(f"clip,label\n{clips[0]['clip']},violin\n")
    with pytest.raises(UserError, match="names no label for 77 clips of 78"):
        score(made, "x", recognized=tmp_path / "few.csv")
    wrong = (gray / "labels.csv").read_text().replace("bassoon\n", "harp\n", 1)
    (tmp_path / "wrong.csv").write_text(wrong)
    with pytest.raises(UserError, match="harp"):
        score(made, "x", recognized=tmp_path / "wrong.csv")
    (tmp_path / "no.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="no CSV with the columns clip and label"):
        score(made, "x", recognized=tmp_path / "no.csv")


def test_another_size_or_version_is_refused(made, tmp_path):
    with pytest.raises(UserError, match="expected small, medium, large"):
        make_benchmark(tmp_path, "huge")
    with pytest.raises(UserError, match="holds the benchmark at size small"):
        make_benchmark(made, "large")
    with pytest.raises(UserError, match="holds no benchmark"):
        read_info(tmp_path)
    stored = json.loads((made / "benchmark.json").read_text())
    (tmp_path / "benchmark.json").write_text(json.dumps({**stored, "version": 0}))
    with pytest.raises(UserError, match="version 0 of the benchmark, this is version 1"):
        read_info(tmp_path)
    (tmp_path / "benchmark.json").write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        read_info(tmp_path)
