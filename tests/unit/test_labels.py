import resource
import time

import pytest

from cargan_tf.errors import UserError
from cargan_tf.labels import (
    ALIASES,
    SUB_URMP_LABELS,
    canonical_label,
    label_index,
    label_weights,
    merged_spellings,
    parse_label_mix,
    players_from_json,
    weights_by_label,
)


def test_the_13_classes_stand_in_alphabetical_order():
    assert len(set(SUB_URMP_LABELS)) == 13
    assert list(SUB_URMP_LABELS) == sorted(SUB_URMP_LABELS)


@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_a_label_is_found_at_its_place(label):
    assert SUB_URMP_LABELS[label_index(label, SUB_URMP_LABELS)] == label


#: The codes of URMP's file names; its saxophone already has the class's own name.
URMP_CODES = ["vn", "va", "vc", "db", "fl", "ob", "cl", "sax", "bn", "tpt", "hn", "tbn", "tba"]


def test_urmps_codes_name_all_classes():
    assert {canonical_label(code) for code in URMP_CODES} == set(SUB_URMP_LABELS)


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
        ("cellos", "cello"),
        ("alto saxes", "sax"),
        ("double basses", "double_bass"),
        ("Flöte", "flute"),
        ("violín", "violin"),
        ("Kontrabaß", "double_bass"),
        ("corno", "horn"),
        ("clarinette", "clarinet"),
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
        label_index("violinn", SUB_URMP_LABELS)
    message = str(caught.value)
    assert message.startswith("unknown label 'violinn'. Did you mean 'violin'")
    assert message.endswith(f"Known labels: {', '.join(SUB_URMP_LABELS)}.")


def test_a_label_like_no_other_gets_no_guess():
    with pytest.raises(UserError, match=r"^unknown label 'xyz'\. Known labels: cello, flute\.$"):
        label_index("xyz", ["cello", "flute"])


def test_a_misspelt_alias_leads_to_the_label_it_means():
    with pytest.raises(UserError, match="Did you mean 'violin'"):
        label_index("fidle", SUB_URMP_LABELS)


def test_an_alias_of_a_label_that_is_not_there_is_not_proposed():
    with pytest.raises(UserError, match=r"^unknown label 'fidle'\. Known labels: cello\.$"):
        label_index("fidle", ["cello"])


def test_other_label_sets_are_found_whatever_the_case_and_accents():
    assert label_index("grand-piano", ["Erhu", "Grand Piano"]) == 1
    assert label_index("Kástanets", ["castanets", "kastanets"]) == 1


def test_labels_may_be_aliases_themselves():
    assert label_index("violin", ["vc", "vn"]) == 1


def test_two_labels_of_one_meaning_keep_apart():
    labels = ["alto sax", "tenor sax"]
    assert [label_index(label, labels) for label in labels] == [0, 1]


def test_one_name_is_one_hot():
    assert label_weights("vn", ["cello", "violin"]).tolist() == [0, 1]


def test_weights_are_scaled_to_sum_to_one_and_add_up_by_meaning():
    weights = label_weights({"vn": 1, "fiddle": 2, "cello": 1, "flute": 0}, SUB_URMP_LABELS)
    assert weights_by_label(weights, SUB_URMP_LABELS) == {"cello": 0.25, "violin": 0.75}


@pytest.mark.parametrize("fraction", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(fraction):
    with pytest.raises(UserError, match="label 'cello' has the weight"):
        label_weights({"violin": 1, "cello": fraction}, SUB_URMP_LABELS)


@pytest.mark.parametrize("fractions", [{}, {"violin": 0}])
def test_no_weight_at_all_is_refused(fractions):
    with pytest.raises(UserError, match="no label has a weight above 0"):
        label_weights(fractions, SUB_URMP_LABELS)


def test_a_mix_is_read():
    assert parse_label_mix(" vn = 0.5, French horn=2") == {"vn": 0.5, "French horn": 2}


@pytest.mark.parametrize(
    "text",
    ["", "violin", "violin=", "=1", "violin=much", "violin=nan", "violin=1,violin=2", "a=1,"],
)
def test_what_is_no_mix_is_refused(text):
    with pytest.raises(UserError, match="each label once with its weight"):
        parse_label_mix(text)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (("violin", "Violin", "VIOLIN", "violins"), {"violin"}),
        (("Violin", "VIOLIN"), {"violin"}),
        (("Violin",), {"Violin"}),  # a single spelling stays
        (("Geige", "vn", "violino"), {"violin"}),
        (("Fl\u00fbte", "Flu\u0302te"), {"Fl\u00fbte"}),  # composed and decomposed
        (("Flu\u0302te", "flute"), {"flute"}),
        (("Dog barking", "dog-barking", "DOG  BARKING"), {"dog-barking"}),
        (("piano", "Pianos"), {"piano"}),
        (("glass", "brass"), {"glass", "brass"}),  # no plurals
        (("alto sax", "tenor sax"), {"alto sax", "tenor sax"}),  # kinds of one instrument
        (("alto sax", "Alto Saxophone"), {"alto sax"}),
        (("bass", "double bass"), {"bass", "double bass"}),
        (
            ("\u30ae\u30bf\u30fc", "\u30ad\u30bf\u30fc"),
            {"\u30ae\u30bf\u30fc", "\u30ad\u30bf\u30fc"},
        ),
    ],
)
def test_spellings_of_one_label(written, names):
    merged = merged_spellings(dict.fromkeys(written, 1))
    assert set(merged) == set(written)
    assert set(merged.values()) == names


def test_the_most_frequent_spelling_names_a_label():
    counts = {"erhu": 1, "Erhu": 5, "ERHU": 2}
    assert set(merged_spellings(counts).values()) == {"Erhu"}


def test_players_are_names_of_known_labels():
    labels = ("cello", "flute")
    written = {"flute": ["Ann", "Bo"]}
    assert players_from_json(written, labels, "model.json") == {"flute": ("Ann", "Bo")}
    with pytest.raises(UserError, match=r"model\.json names players of 'harp'"):
        players_from_json({"harp": ["Ann"]}, labels, "model.json")
    for names in (["a/b"], ["\x1b[2J"], [], "Ann", ["Ann", "Ann"]):
        with pytest.raises(UserError, match=r"model\.json has"):
            players_from_json({"flute": names}, labels, "model.json")


def test_a_label_of_a_million_accents_is_unknown_at_once():
    label = "a" + "\u0301\u0323" * 250_000
    began = time.process_time()
    with pytest.raises(UserError, match=r"unknown label 'a.*…' of 500,001 characters") as caught:
        label_index(label, SUB_URMP_LABELS)
    names = merged_spellings({label: 1, "cello": 2})
    assert time.process_time() - began < 0.1
    assert len(str(caught.value)) < 500
    assert names == {label: label, "cello": "cello"}


def test_long_labels_are_not_kept():
    def resident_bytes():
        with open("/proc/self/statm", encoding="ascii") as stream:
            return int(stream.read().split()[1]) * resource.getpagesize()

    before = resident_bytes()
    for number in range(50):
        with pytest.raises(UserError, match="unknown label"):
            label_index(f"{number}" + "x" * 5_000_000, SUB_URMP_LABELS)
    assert resident_bytes() - before < 20 * 2**20
