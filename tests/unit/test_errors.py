from cargan_tf.errors import UserError, did_you_mean, first_line, full_message, nearest


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
