import pytest

from cargan_tf.config import CMCGANConfig, Config, S2ICConfig


def test_values_of_the_s2ic_paper_are_marked():
    fields = S2ICConfig.model_fields
    theirs = {name: f.default for name, f in fields.items() if "(S2IC's)" in f.description}
    numbers = {"features": 128, "code": 64, "latent": 10}  # docs/explanation/baselines.md, "paper"
    assert theirs == {**numbers, "generated": 0.5, "mismatched": 0.5}


def test_s2ic_s_wrong_halves_weigh_as_much_as_the_right_one():
    s2ic = Config().s2ic
    assert s2ic.generated + s2ic.mismatched == 1


def test_cmcgan_s_wrong_pairs_weigh_as_much_as_the_right_ones():
    """A real pair answers both of D's questions, so it counts twice."""
    cmcgan = Config().cmcgan
    assert 2 * cmcgan.generated + cmcgan.mismatched == cmcgan.real_pairs == 2


@pytest.mark.parametrize(
    ("setting", "value", "source"),
    [
        ("cmcgan.cycle", 10, "CycleGAN's λ"),
        ("cmcgan.reconstruction", 10, "as for the cycles"),
        ("cmcgan.code", 128, "ours, S2IC's"),
        ("cmcgan.latent", 10, "ours, S2IC's"),
        ("s2ic.generator_width", 64, "DCGAN: 64"),
    ],
)
def test_a_default_says_where_it_is_from(setting, value, source, check_default):
    check_default(setting, value, source)


WEIGHTS = {"generated", "mismatched", "real_pairs", "cycle", "reconstruction"}


@pytest.mark.parametrize("section", [S2ICConfig, CMCGANConfig])
def test_weights_may_be_0_and_sizes_may_not(section, check_bound):
    name = {S2ICConfig: "s2ic", CMCGANConfig: "cmcgan"}[section]
    for field in section.model_fields:
        last, beyond = ("0", "-1") if field in WEIGHTS else ("1", "0")
        check_bound(f"{name}.{field}", last, beyond)
