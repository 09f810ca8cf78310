from cargan_tf.utils.progress import SilentReporter


def test_the_silent_reporter_says_nothing(capfd):
    reporter = SilentReporter()
    with reporter.task("work", 2) as task:
        task.advance()
        task.advance(1, note="half")
        reporter.message("done")
    assert capfd.readouterr() == ("", "")
