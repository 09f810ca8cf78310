import unicodedata

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.export.serving_module import LabelTable
from cargan_tf.labels import ALIASES, SUB_URMP_LABELS, label_index

OTHERS = ("Grand Piano", "bass", "Erhu", "double_bass")


def positions(labels, names):
    table = LabelTable(labels)
    one_hot = tf.function(table.one_hot)(tf.constant(names)).numpy()
    assert one_hot.shape == (len(names), len(labels))
    np.testing.assert_array_equal(one_hot.sum(1), 1)
    return one_hot.argmax(1).tolist()


@pytest.mark.parametrize("labels", [SUB_URMP_LABELS, OTHERS])
def test_each_label_is_found_as_written(labels):
    assert positions(labels, labels) == list(range(len(labels)))


def test_names_in_common_use_lead_where_they_lead_in_python():
    names = [*ALIASES, "French horn", "french-horn", "  VIOLIN ", "Upright  Bass", "SAXOPHONE"]
    assert positions(SUB_URMP_LABELS, names) == [label_index(n, SUB_URMP_LABELS) for n in names]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Flöte", "flute"),
        ("Flo\u0308te", "flute"),
        ("FLÛTE", "flute"),
        ("Violine", "violin"),
        ("violins", "violin"),
        ("alto sax", "sax"),
        ("Alto-Saxophone", "sax"),
        ("Saxofón", "sax"),
        ("hautbois", "oboe"),
        ("Bratsche", "viola"),
        ("Double\u00a0Bass", "double_bass"),
        ("trombón", "trombone"),
        ("ｖｉｏｌａ", "viola"),
        ("trompetes", "trumpet"),
    ],
)
def test_users_words_lead_where_they_lead_in_python(name, label):
    expected = SUB_URMP_LABELS.index(label)
    assert label_index(name, SUB_URMP_LABELS) == expected
    assert positions(SUB_URMP_LABELS, [name]) == [expected]


def test_labels_of_other_alphabets_are_found_composed_and_decomposed():
    labels = ["гитара", "Йодль", "Ударные", "フルート", "ピアノ", "Gärtner Flöte"]
    for form in ("NFC", "NFD"):
        names = [unicodedata.normalize(form, label) for label in labels]
        assert positions(labels, names) == list(range(len(labels)))
    assert positions(labels, ["ГИТАРА", "gartner-flote"]) == [0, 5]


def test_a_label_named_like_an_alias_goes_before_the_alias():
    assert positions(OTHERS, ["bass", "double_bass"]) == [1, 3]


@pytest.mark.parametrize("name", ["kazoo", "", " ", "violinn", "tuba", "ÿ", b"\xff\xfe"])
def test_an_unknown_label_names_the_known(name):
    one_hot = tf.function(LabelTable(["cello", "violin"]).one_hot)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        one_hot(tf.constant(["cello", name]))
    assert "Known labels: cello, violin." in str(caught.value)


def test_a_long_one_is_cut():
    one_hot = tf.function(LabelTable(["cello", "violin"]).one_hot)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        one_hot(tf.constant(["ä" * 10_000]))
    assert f"unknown label: {'ä' * 60}. Known" in str(caught.value)


def test_every_unknown_label_is_named():
    one_hot = tf.function(LabelTable(["cello", "violin"]).one_hot)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"unknown label: kazoo, gong\. Known"):
        one_hot(tf.constant(["kazoo", "cello", "gong"]))
