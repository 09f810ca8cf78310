import pytest

from cargan_tf.errors import UserError
from cargan_tf.labels import ALIASES, SUB_URMP_LABELS, canonical, label_index


def test_the_13_classes_stand_in_alphabetical_order():
    assert len(set(SUB_URMP_LABELS)) == 13
    assert list(SUB_URMP_LABELS) == sorted(SUB_URMP_LABELS)


@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_a_label_is_found_at_its_place(label):
    assert SUB_URMP_LABELS[label_index(label, SUB_URMP_LABELS)] == label


#: The codes of URMP's file names; its saxophone already has the class's own name.
URMP_CODES = ["vn", "va", "vc", "db", "fl", "ob", "cl", "sax", "bn", "tpt", "hn", "tbn", "tba"]


def test_urmps_codes_name_all_classes():
    assert {canonical(code) for code in URMP_CODES} == set(SUB_URMP_LABELS)


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_leads_to_a_class(alias):
    assert ALIASES[alias] in SUB_URMP_LABELS
    assert alias not in SUB_URMP_LABELS


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("French horn", "horn"),
        ("french-horn", "horn"),
        ("  VIOLIN ", "violin"),
        ("Double Bass", "double_bass"),
        ("upright  bass", "double_bass"),
        ("saxophone", "sax"),
    ],
)
def test_a_name_in_common_use(typed, label):
    assert SUB_URMP_LABELS[label_index(typed, SUB_URMP_LABELS)] == label


def test_other_label_sets_are_matched_as_written():
    assert label_index("Grand Piano", ["Erhu", "Grand Piano"]) == 1


def test_a_label_named_like_an_alias_goes_before_the_alias():
    assert label_index("bass", ["bass", "double_bass"]) == 0


def test_an_unknown_label_is_answered_with_the_nearest_and_all():
    with pytest.raises(UserError) as caught:
        label_index("violine", SUB_URMP_LABELS)
    message = str(caught.value)
    assert message.startswith("unknown label 'violine'. Did you mean 'violin'")
    assert message.endswith(f"Known labels: {', '.join(SUB_URMP_LABELS)}.")


def test_a_label_like_no_other_gets_no_guess():
    with pytest.raises(UserError, match=r"^unknown label 'xyz'\. Known labels: cello, flute\.$"):
        label_index("xyz", ["cello", "flute"])
