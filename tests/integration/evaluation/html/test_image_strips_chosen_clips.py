from cargan_tf.evaluation.html.image_strips import best, misclassified, two_per_label, worst


def test_two_clips_a_label_by_two_players(report):
    examples = report.split("test").examples
    chosen = two_per_label(examples, report.labels, seed=0)
    assert tuple(chosen) == report.labels
    for label, pair in chosen.items():
        assert {example.label for example in pair} == {label}
        assert len({example.player for example in pair}) == 2
    assert two_per_label(examples, report.labels, seed=0) == chosen


def test_nothing_but_silence_has_no_clips(report):
    silent = [example for example in report.split("test").examples if example.silent]
    assert two_per_label(silent, report.labels, seed=0) == {}


def test_best_and_worst_are_of_music_and_one_a_label(report):
    """L1 grows with the index; 0 is silent, 1 like noise, the labels have six clips each."""
    examples = report.split("test").examples
    assert [example.index for example in best(examples)] == [2, 6]
    assert [example.index for example in worst(examples)] == [11, 5]


def test_misclassified_are_those_that_the_network_sees_otherwise(report):
    examples = report.split("test").examples
    assert [example.index for example in misclassified(examples, "evaluator")] == [9, 4, 3]
    assert misclassified(examples, "another network") == []
