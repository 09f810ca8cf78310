import re

import pytest

from cargan_tf.data.preprocessing import beam_runner
from cargan_tf.data.preprocessing.beam_runner import BeamJob
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.errors import UserError

WITHOUT_BEAM = "Apache Beam is not installed: pip install '.[beam]' in the checkout of cargan_tf."


@pytest.fixture
def beam():
    return pytest.importorskip("apache_beam", reason=WITHOUT_BEAM)


def test_without_beam_one_line_says_what_to_install(
    tiny_source, tiny_config, tmp_path, monkeypatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=re.escape(WITHOUT_BEAM)):
        preprocess(tiny_source, tmp_path / "out", tiny_config, job=BeamJob("DirectRunner"))
    assert not list(tmp_path.iterdir())


def test_options_are_beams_own():
    job = BeamJob("FlinkRunner", ("flink_master=localhost:8081", "--streaming"))
    assert job.flags()[1:] == ["--flink_master=localhost:8081", "--streaming"]


def test_a_runner_that_beam_does_not_know_is_one_line(beam, tiny_source, tiny_config, tmp_path):
    with pytest.raises(UserError, match=r"Beam cannot use NoRunner: .*Valid values are"):
        preprocess(tiny_source, tmp_path / "out", tiny_config, job=BeamJob("NoRunner"))


def test_workers_that_write_elsewhere_are_found_out(
    beam, tiny_source, tiny_config, tmp_path, monkeypatch
):
    monkeypatch.setattr(beam_runner, "do_work", str)
    with pytest.raises(UserError, match=r"job ended, and 7 of 7 shards are not in .*gs://"):
        preprocess(tiny_source, tmp_path / "out", tiny_config, job=BeamJob("DirectRunner"))
