import pytest

from cargan_tf.errors import (
    UserError,
    counted,
    did_you_mean,
    first_line,
    full_message,
    install_hint,
    is_line,
    nearest,
)
from cargan_tf.labels import SUB_URMP_LABELS as LABELS


def test_the_nearest_comes_first():
    assert nearest("violen", ["viola", "violin", "tuba"])[0] == "violin"


def test_case_does_not_matter():
    assert nearest("VIOLIN", ["Violin"]) == ["Violin"]


def test_at_most_so_many():
    assert len(nearest("violin", ["viola", "violins", "violina"], count=2)) == 2


def test_a_hint_names_all_that_are_near():
    assert did_you_mean("viol", ["viola"]) == " Did you mean 'viola'?"
    assert did_you_mean("viola", ["violas", "violin"]) == " Did you mean 'violas' or 'violin'?"


def test_no_hint_where_nothing_is_near():
    assert did_you_mean("xyz", ["viola"]) == ""


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("kazoo", LABELS, []),
        ("organ", LABELS, []),
        ("gong", LABELS, []),
        ("harp", LABELS, []),
        ("drums", LABELS, []),
        ("guitar", LABELS, []),
        ("piano", LABELS, []),
        ("x", LABELS, []),
        ("vilion", LABELS, ["violin"]),
        ("trumbone", LABELS, ["trombone"]),
        ("quickstrat", ["quickstart", "paper"], ["quickstart"]),
        ("sample", ["sample-data", "serve"], ["sample-data"]),
        ("grand piano", ["piano", "cello"], ["piano"]),
    ],
)
def test_only_what_may_be_meant_is_proposed(word, known, meant):
    assert nearest(word, known) == meant


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 labels"), (1, "1 label"), (2, "2 labels"), (13, "13 labels")]
)
def test_one_is_no_plural(count, said):
    assert counted(count, "label") == said
    assert counted(count, "entry", "entries") == said.replace("label", "entry").replace(
        "entrys", "entries"
    )


def test_extras_are_installed_from_a_checkout():
    assert install_hint("serve") == "pip install '.[serve]' in the checkout of cargan_tf"


def test_a_name_that_turns_the_direction_of_its_line_is_escaped():
    assert str(UserError("gpj\u202e.exe \u2066is")) == r"gpj\u202e.exe \u2066is"
    assert str(UserError("\u05e9\u05dc.wav, فلوت\u200c.wav")) == "\u05e9\u05dc.wav, فلوت\u200c.wav"


def test_an_iterator_will_do():
    assert did_you_mean("viola", iter(["violas"])) == " Did you mean 'violas'?"


def test_a_user_error_is_an_exception_that_callers_may_catch():
    assert issubclass(UserError, Exception)
    assert str(UserError("one line")) == "one line"


def test_a_message_is_one_line_whatever_names_are_in_it():
    error = UserError("a\nb\r\x1b[2J\u2028\udcff скрипка 小提琴")
    assert str(error) == "a\\nb\\r\\x1b[2J\\u2028\\udcff скрипка 小提琴"


def test_what_another_library_says_is_shortened_to_a_line():
    error = RuntimeError(f"\n first line. \n{'second ' * 40}")
    assert first_line(error) == "first line"
    assert full_message(error).startswith("first line. second second")
    assert len(full_message(error)) <= 200


def test_an_error_that_says_nothing_is_told_by_its_kind():
    assert first_line(AssertionError()) == full_message(AssertionError(" \n")) == "AssertionError"


def test_nothing_is_proposed_for_a_word_of_megabytes():
    """Comparing it, letter by letter, would take minutes."""
    assert did_you_mean("violin" * 10**6, ["violin"] * 100) == ""


def test_what_is_a_line_is_known():
    assert is_line("Flöte, 笛\u3000a\xa0b", 20)
    for text in ("two\nlines", "\x1b[2J", "\ud800", "a\u2028b", "a" * 21, 5, None):
        assert not is_line(text, 20)
