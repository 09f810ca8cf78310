"""The short form of tests/robustness/damaged_inputs.py: 60 files through the commands."""

import pytest
from robustness.damaged_files import write_inputs
from robustness.damaged_inputs import SEED, Outcome, check, measure
from robustness.unusual_images import IMAGES
from robustness.unusual_sounds import SOUNDS


def test_the_same_seed_gives_the_same_files_and_many_of_them_every_kind(tmp_path):
    first, second = (write_inputs(tmp_path / name, 90, SEED) for name in "ab")
    assert first == second
    assert {item.kind for item in first if item.is_sound} == set(SOUNDS)
    assert {item.kind for item in first if item.is_image} == set(IMAGES)
    for item in first:
        one, other = (tmp_path / name / item.name for name in "ab")
        if one.is_file():
            # Not their bytes: FFmpeg and libsndfile write the time into some.
            assert one.stat().st_size == other.stat().st_size


@pytest.mark.slow
def test_60_damaged_files_are_named_and_the_others_arrive(tiny_model):
    figures = measure(inputs=60, seed=SEED, model=tiny_model, tiny=False)
    assert figures["inputs"] == 60
    for name, tried in figures["tried"].items():
        assert 0 < figures["refused"][name] < tried


@pytest.mark.parametrize("fault", ["refused though whole", "taken though damaged", "memory"])
def test_a_fault_is_found(tmp_path, fault):
    made = [item for item in write_inputs(tmp_path / "a", 60, SEED) if item.is_sound]
    refused = {item.name for item in made if not item.arrives}
    if fault == "refused though whole":
        refused.add(next(item.name for item in made if item.arrives))
    elif fault == "taken though damaged":
        refused.remove(next(item.name for item in made if item.arrives is False))
    with pytest.raises(AssertionError):
        check(made, {"generate": Outcome(frozenset(refused), 9.0 if fault == "memory" else 1.0)})
