import pytest

from cargan_tf.data.preprocessing import beam_runner
from cargan_tf.data.preprocessing.beam_runner import BeamJob
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.errors import UserError
from cargan_tf.utils.progress import SilentReporter

WITHOUT_BEAM = "Apache Beam is not installed: pip install '.[beam]' in the checkout of cargan_tf."


TWO_WORKERS = ("direct_running_mode=multi_processing", "direct_num_workers=2")


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


class Messages(SilentReporter):
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def message(self, text):
        self.told.append(text)


@pytest.fixture
def beam():
    return pytest.importorskip("apache_beam", reason=WITHOUT_BEAM)


@pytest.mark.slow
def test_after_a_failed_job_two_workers_write_the_same_bytes(
    beam, tiny_source, tiny_config, tiny_data, tmp_path, monkeypatch, caplog
):
    """The first job runs in this process and fails at its third shard, the second in two others."""
    do_work, done = beam_runner.do_work, []

    def fails_at_the_third(file):
        if len(done) == 2:
            raise OSError(5, "the disk is gone")
        done.append(do_work(file))

    out = tmp_path / "out"
    reporter = Messages()
    with monkeypatch.context() as failing:
        failing.setattr(beam_runner, "do_work", fails_at_the_third)
        with pytest.raises(UserError, match=r"DirectRunner job failed: .*the disk is gone.*kept\."):
            preprocess(tiny_source, out, tiny_config, job=BeamJob("DirectRunner"))
    assert not out.exists()
    assert "Traceback" not in caplog.text
    job = BeamJob("DirectRunner", TWO_WORKERS)
    preprocess(tiny_source, out, tiny_config, job=job, reporter=reporter)
    assert reporter.told == ["reusing 2 of 7 finished shards", "5 shards for DirectRunner"]
    assert contents(out) == contents(tiny_data)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
