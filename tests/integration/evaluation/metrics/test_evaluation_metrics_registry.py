import pytest

from cargan_tf.errors import UserError
from cargan_tf.evaluation.metrics.registry import METRICS, chosen_metrics


def test_names_are_unique_and_each_says_what_it_means():
    infos = [metric.info for metric in METRICS]
    assert len({info.name for info in infos}) == len({info.title for info in infos}) == len(infos)
    assert all(info.meaning.endswith(".") for info in infos)


def test_all_are_chosen_by_default_and_the_order_is_the_registry_s():
    assert chosen_metrics(None) == chosen_metrics(()) == METRICS
    chosen = chosen_metrics(["l1", "fid"])
    assert [metric.info.name for metric in chosen] == ["fid", "l1"]


def test_an_unknown_one_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"no metric 'retrieval1'\. Did you mean 'retrieval_1'"):
        chosen_metrics(["retrieval1"])


def test_all_but_those_of_distributions_are_measured_by_class():
    whole = {metric.info.name for metric in METRICS if not metric.by_class}
    assert whole == {"fid", "kid", "inception_score", "evaluator_inception_score"}
