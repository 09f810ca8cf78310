import pytest

from cargan_tf.errors import UserError
from cargan_tf.export.trained_networks import evaluation_values


def test_the_figures_of_the_refined_images_are_taken(tmp_path, write_report):
    write_report(tmp_path, step=6, accuracy=0.75)
    assert evaluation_values(tmp_path, step=6) == {"test": {"accuracy": 0.75}}


def test_a_report_on_another_checkpoint_does_not_count(tmp_path, write_report):
    write_report(tmp_path, step=6, accuracy=0.75)
    assert evaluation_values(tmp_path, step=7) is None


def test_a_run_that_was_not_evaluated_has_none(tmp_path):
    assert evaluation_values(tmp_path, step=6) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}'])
def test_a_damaged_report_is_named(tmp_path, write_report, text):
    write_report(tmp_path, step=6).write_text(text)
    with pytest.raises(UserError, match=r"report\.json .*evaluate the run again"):
        evaluation_values(tmp_path, step=6)
