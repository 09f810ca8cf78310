import xml.etree.ElementTree as ElementTree

from cargan_tf.evaluation.html.training_plots import training_plots

LINES = [
    {
        "step": 10,
        "kind": "training",
        "images_per_second": 30.0,
        "refined_l1": 0.5,
        "coarse_l1": 0.6,
        "odd": 1.0,
    },
    {"step": 20, "kind": "training", "refined_l1": 0.25, "coarse_l1": 0.4, "odd": 2.0},
    {"step": 20, "kind": "validation", "retrieval": 0.2, "retrieval_chance": 0.1},
]


def test_each_kind_of_figure_has_a_plot_with_its_last_values():
    plots = training_plots(LINES)
    summaries = {plot.title: plot.summary for plot in plots}
    assert summaries == {
        "R@1 within the class, held-out": "R@1 within the class, held-out: at step 20,"
        " refined 0.2, chance 0.1.",
        "L1 distance to the photo, training": "L1 distance to the photo, training: at step 20,"
        " coarse 0.4, refined 0.25.",
        "odd": "odd: at step 20, odd 2.",
    }


def test_the_curves_are_in_the_image_and_dark_differs_by_colours_alone():
    (plot, *_) = training_plots(LINES[:2])
    texts = {element.text for element in ElementTree.fromstring(plot.light).iter()}
    assert {"coarse", "refined", "step"} <= texts
    assert plot.dark != plot.light
    assert plot.dark.replace("#c9d1d9", "#33383d") == plot.light


def test_the_same_run_gives_the_same_bytes():
    assert training_plots(LINES) == training_plots(LINES)


def test_a_run_without_statistics_has_no_plots():
    assert training_plots([]) == []


def test_losses_below_0_are_seen():
    """The generators' in the hinge form has no lower bound."""
    lines = [
        {"step": step, "kind": "training", "coarse_adversarial": value}
        for step, value in ((10, 0.5), (20, -1.0))
    ]
    (plot,) = training_plots(lines)
    texts = [element.text or "" for element in ElementTree.fromstring(plot.light).iter()]
    assert any(text.startswith("\N{MINUS SIGN}") for text in texts)


def test_losses_of_options_have_a_plot_of_their_own_under_the_stages_names():
    names = ("coarse_feature_matching", "refined_feature_matching", "refined_perceptual")
    values = dict.fromkeys((*names, "gradient_penalty", "discriminator"), 1.0)
    plots = training_plots([{"step": 10, "kind": "training", **values}])
    summaries = {plot.title: plot.summary.partition(" at step 10, ")[2] for plot in plots}
    assert summaries == {
        "D's features, generated against real": "coarse 1, refined 1.",
        "C's features, generated against real": "refined 1.",
        "R1: D's slope at real photos": "gradient penalty 1.",
        "Whole losses": "discriminator 1.",
    }
