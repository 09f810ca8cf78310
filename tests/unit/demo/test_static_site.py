"""The folder of `cargan web` while it is replaced; what is in it: integration/cli/test_web.py."""

import errno
import json
from pathlib import Path

import pytest

from cargan_tf.demo import static_site
from cargan_tf.demo.static_site import MODELS_FILE, write_site
from cargan_tf.errors import UserError


@pytest.fixture(autouse=True)
def site(tmp_path, monkeypatch):
    """A page as `make web` would have built it."""
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "index.html").write_text("new")
    monkeypatch.setattr(static_site, "SITE", folder)


@pytest.fixture
def out(tmp_path):
    """A page that was written before, with a file of its own."""
    folder = tmp_path / "pages" / "out"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("old")
    (folder / MODELS_FILE).write_text("{}")
    return folder


def page(folder):
    return (folder / "index.html").read_text()


def test_the_old_page_is_replaced_and_nothing_is_left_beside_it(out):
    (out / "old.js").write_text("")
    write_site([], out)
    assert sorted(path.name for path in out.iterdir()) == ["index.html", MODELS_FILE]
    assert page(out) == "new"
    assert json.loads((out / MODELS_FILE).read_text())["models"] == []
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("error", [OSError(errno.EBUSY, "busy"), KeyboardInterrupt()])
def test_the_old_page_is_back_if_the_new_one_cannot_take_its_place(out, monkeypatch, error):
    rename = Path.rename

    def failing(path, target):
        if path.name == "site":
            assert not out.exists()
            raise error
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    expected = UserError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        write_site([], out)
    if expected is UserError:
        assert "cannot be replaced (busy) and is left as it was" in str(caught.value)
    assert page(out) == "old"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("step", ["_write_samples", "_replace"])
def test_the_old_page_stays_if_anything_before_fails(out, monkeypatch, step):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(static_site, step, full)
    with pytest.raises(OSError, match="No space"):
        write_site([], out)
    assert page(out) == "old"
    assert list(out.parent.iterdir()) == [out]


def test_a_page_that_another_process_wrote_meanwhile_stays_and_so_does_the_old_one(
    out, monkeypatch
):
    rename = Path.rename

    def slow(path, target):
        if path.name == "site":
            out.mkdir()
            (out / "index.html").write_text("theirs")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", slow)
    with pytest.raises(UserError, match="what was there is now") as caught:
        write_site([], out)
    assert page(out) == "theirs"
    assert page(Path(str(caught.value).rpartition(" ")[2].rstrip("."))) == "old"


def test_what_became_of_the_folder_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    out = tmp_path / "out"
    write = static_site._write_samples

    def slow(*arguments):
        out.mkdir()
        (out / "letter.txt").write_text("dear")
        return write(*arguments)

    monkeypatch.setattr(static_site, "_write_samples", slow)
    with pytest.raises(UserError, match="is no folder of 'cargan web'"):
        write_site([], out)
    assert (out / "letter.txt").read_text() == "dear"


def test_a_link_to_a_page_stays_one(out, tmp_path):
    (tmp_path / "link").symlink_to(out)
    write_site([], tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert page(out) == "new"
