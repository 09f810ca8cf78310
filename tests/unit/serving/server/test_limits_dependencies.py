import pytest

from cargan_tf.errors import UserError
from cargan_tf.serving.server import limits


def test_nothing_is_said_where_all_is_there(monkeypatch):
    monkeypatch.setattr(limits, "PACKAGES", ("json", "wave"))
    limits.check_dependencies()


def test_what_is_missing_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(limits, "PACKAGES", ("json", "no_such_one", "nor_this"))
    with pytest.raises(UserError, match=r"needs no_such_one, nor_this: pip install .*\[serve\]"):
        limits.check_dependencies()
