import json
from dataclasses import replace

import pytest

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.errors import UserError
from cargan_tf.training.run import Run, RunInfo, data_of


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run")


@pytest.fixture
def info(tiny_config):
    statistics = BandStatistics((-40.0, -50.25), (5.0, 6.5))
    return RunInfo(tiny_config, ("cello", "flute"), statistics, "data", "0a1b", 0.97)


def test_what_a_run_is_made_of_is_read_as_written(run, info):
    assert not run.exists()
    run.write_info(info)
    assert run.exists()
    assert run.read_info() == info


def test_no_run_says_what_was_expected(run):
    with pytest.raises(UserError, match=r"holds no run \(no run\.json\)"):
        run.read_info()


@pytest.mark.parametrize("missing", ["labels", "statistics", "config", "data_hash"])
def test_a_description_with_a_part_missing_is_damaged(run, info, missing):
    run.write_info(info)
    values = json.loads(run.info_file.read_text())
    del values[missing]
    run.info_file.write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        run.read_info()


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', '{"config": 1}'])
def test_a_description_that_is_something_else_is_damaged(run, info, text):
    run.write_info(info)
    run.info_file.write_text(text)
    with pytest.raises(UserError, match=r"run\.json"):
        run.read_info()


def test_the_lock_is_free_after_an_error(run):
    with pytest.raises(ZeroDivisionError), run.locked():
        raise ZeroDivisionError
    with run.locked():
        pass


@pytest.mark.parametrize("name", ["stats.jsonl", "sessions.jsonl", "checkpoints", "images/1.png"])
def test_a_run_with_links_that_lead_out_is_not_trained(run, tmp_path, name):
    entry = run.path / name
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.symlink_to(tmp_path / "outside")
    with pytest.raises(UserError, match=f"{name} is a link out of the run"), run.locked():
        pass
    assert not (tmp_path / "outside").exists()


def test_a_run_may_be_a_link_itself(run, tmp_path):
    (tmp_path / "disk").mkdir()
    run.path.symlink_to(tmp_path / "disk")
    with run.locked():
        run.stats.touch()
    assert (tmp_path / "disk" / "stats.jsonl").exists()


def test_a_run_of_somebody_else_names_no_remote_data_to_fetch(run, info):
    run.write_info(replace(info, data="gs://bucket/data"))
    with pytest.raises(UserError, match=r"is gs://bucket/data: give it by --data"):
        data_of(run)


def test_statistics_are_read_up_to_a_line_that_was_cut_short(tmp_path):
    run = Run(tmp_path)
    assert run.read_stats() == []
    run.stats.write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert run.read_stats() == [{"step": 1}, {"step": 2}]
