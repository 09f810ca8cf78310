import unicodedata

import pytest

from cargan_tf.data.sources.folder import SourceFolder, moments_of
from cargan_tf.data.sources.tables import RowError
from cargan_tf.errors import UserError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Sounds").mkdir()
    (tmp_path / "Sounds" / "Fl\u00fbte.wav").touch()
    (tmp_path / "a.wav").touch()
    return SourceFolder(tmp_path)


def test_a_file_in_the_folder_and_one_out_of_it(folder):
    assert folder.file("./a.wav", "x") == folder.root / "a.wav"
    with pytest.raises(RowError, match=r"no file b\.wav"):
        folder.file("b.wav", "x")
    with pytest.raises(UserError, match=r"list line 3: '\.\./a.wav' leads out of"):
        folder.file("../a.wav", "list line 3")
    assert folder.notes() == ()


@pytest.mark.parametrize(
    "text",
    [
        "Sounds\\Fl\u00fbte.wav",
        ".\\sounds\\FL\u00dbTE.WAV",
        "sounds/fl\u00fbte.wav",
        unicodedata.normalize("NFD", "Sounds/Fl\u00fbte.wav"),
    ],
)
def test_another_spelling_is_found_and_said(folder, text):
    assert folder.file(text, "x") == folder.root / "Sounds" / "Fl\u00fbte.wav"
    (note,) = folder.notes()
    assert note == f"1 path was found under another name, such as {text} as Sounds/Fl\u00fbte.wav"


def test_absolute_paths_and_file_urls_of_the_folder(folder):
    for text in (str(folder.root / "a.wav"), f"file://{folder.root}/a.wav"):
        assert folder.file(text, "x") == folder.root / "a.wav"
    assert folder.file(str(folder.root / "A.WAV"), "x") == folder.root / "a.wav"


def test_backslashes_lead_out_of_the_folder_no_more_than_slashes(folder):
    with pytest.raises(UserError, match="leads out of"):
        folder.file("..\\a.wav", "x")
    with pytest.raises(RowError, match="a path on a Windows computer"):
        folder.file("C:\\Users\\ann\\a.wav", "x")


@pytest.mark.parametrize(
    "text",
    [
        "{name}/Sounds/Fl\u00fbte.wav",
        "data/{name}/Sounds/Fl\u00fbte.wav",
        "/home/ann/{name}/Sounds/Fl\u00fbte.wav",
        "C:\\Users\\ann\\{name}\\sounds\\Fl\u00fbte.wav",
    ],
)
def test_paths_from_above_or_from_where_the_folder_lay(folder, text):
    text = text.format(name=folder.root.name)
    assert folder.file(text, "x") == folder.root / "Sounds" / "Fl\u00fbte.wav"
    (note,) = folder.notes()
    assert note.endswith(f"such as {text} as Sounds/Fl\u00fbte.wav")


def test_a_file_that_is_elsewhere_is_not_taken_for_one_of_the_folder(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / folder.root.name / "a.wav"
    other.parent.mkdir()
    other.touch()
    with pytest.raises(UserError, match="leads out of"):
        folder.file(str(other), "x")


def test_of_two_that_may_be_meant_neither_is_taken(folder):
    (folder.root / "b.wav").touch()
    (folder.root / "B.wav").touch()
    assert folder.file("B.wav", "x").name == "B.wav"
    with pytest.raises(RowError, match=r"B\.wav and b\.wav are there: write the one"):
        folder.file("b.WAV", "x")


def test_moments_in_names():
    assert moments_of(["violin01_37", "violin01_500", "loose"], "violin") == {
        "violin01_37": ("violin01", 37),
        "violin01_500": ("violin01", 500),
    }
    assert moments_of(["solo_0", "solo_1500"], "violin") == {
        "solo_0": ("solo", 0),
        "solo_1500": ("solo", 1500),
    }
    assert moments_of(["take_1", "take_2", "take_100"], "violin") == {}
