import pytest

from cargan_tf.data.sources.manifest import read_manifest
from cargan_tf.errors import UserError

HEADER = "split,label,recording,start_ms,audio,image"
ROW = "train,violin,v1,500,a.wav,a.jpg"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("a.wav", "a.jpg", "b.wav", "b.jpg"):
        (folder / name).write_bytes(b"content")
    return folder


def manifest(folder, *rows, header=HEADER):
    path = folder / "manifest.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def test_a_row_becomes_a_pair(folder):
    source = read_manifest(manifest(folder, ROW))
    (pair,) = source.pairs
    assert pair.id == "violin/v1/500"
    assert (pair.split, pair.player, pair.offset_ms) == ("train", "", 0)
    assert pair.audio == folder / "a.wav"
    assert source.kind == "manifest"


def test_further_columns(folder):
    header = f"{HEADER},midi,player,offset_ms"
    path = manifest(folder, f"{ROW},60, Ann ,1500", header=header)
    (pair,) = read_manifest(path).pairs
    assert (pair.player, pair.offset_ms) == ("Ann", 1500)


def test_a_split_may_be_missing_or_empty(folder):
    path = manifest(folder, ROW, ROW.replace("train", "").replace("v1", "v2"))
    assert [pair.split for pair in read_manifest(path).pairs] == ["train", ""]
    path = manifest(folder, ROW.removeprefix("train,"), header=HEADER.removeprefix("split,"))
    assert [pair.split for pair in read_manifest(path).pairs] == [""]


def test_labels_stay_as_written(folder):
    (pair,) = read_manifest(manifest(folder, ROW.replace("violin", " French Horn "))).pairs
    assert pair.label == "French Horn"


def test_a_byte_order_mark_and_carriage_returns(folder):
    path = folder / "manifest.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{ROW}\r\n".encode())
    assert len(read_manifest(path).pairs) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW.replace("500", "soon"), "start_ms 'soon' is not a whole number"),
        (ROW.replace("500", "-5"), "start_ms '-5' is not a whole number"),
        (ROW.replace("500", "9" * 30), "is not a whole number of milliseconds up to"),
        (ROW.replace("train", "dev"), "split 'dev' is not one of train, validation, test"),
        (ROW.replace("violin", ""), "label is empty"),
        (ROW.replace("a.jpg", "gone.jpg"), "no file gone.jpg"),
        (ROW.replace("a.jpg", "."), "no file ."),
        ("train,violin", "recording is empty"),
    ],
)
def test_a_bad_row_is_left_out_by_its_line(folder, row, reason):
    source = read_manifest(manifest(folder, ROW, row.replace("v1", "v2")))
    assert len(source.pairs) == 1
    (item,) = source.skipped
    assert item.what == "manifest.csv line 3"
    assert reason in item.why


def test_a_missing_column_is_named_with_the_nearest(folder):
    path = manifest(folder, ROW, header=HEADER.replace("recording", "recordings"))
    with pytest.raises(UserError, match=r"no column 'recording'.*Did you mean 'recordings'\?"):
        read_manifest(path)


def test_an_empty_file(folder):
    (folder / "manifest.csv").write_bytes(b"")
    with pytest.raises(UserError, match="no column 'label'; its first line names nothing"):
        read_manifest(folder / "manifest.csv")


@pytest.mark.parametrize("escape", ["../outside.wav", "b.wav/../../outside.wav", "ABSOLUTE", ".."])
def test_paths_may_not_leave_the_folder(folder, escape):
    outside = folder.parent / "outside.wav"
    outside.touch()
    text = escape.replace("ABSOLUTE", str(outside))
    with pytest.raises(UserError, match=r"manifest.csv line 3, audio: .* leads out of"):
        read_manifest(manifest(folder, ROW, ROW.replace("500", "900").replace("a.wav", text)))


def test_an_absolute_path_is_refused_even_within_the_folder(folder):
    with pytest.raises(UserError, match="paths must be relative"):
        read_manifest(manifest(folder, ROW.replace("a.wav", str(folder / "a.wav"))))


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_links_may_not_leave_the_folder_either(folder, linked):
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "x.wav").touch()
    if linked == "file":
        (folder / "x.wav").symlink_to(outside / "x.wav")
        name = "x.wav"
    else:
        (folder / "sounds").symlink_to(outside)
        name = "sounds/x.wav"
    with pytest.raises(UserError, match="leads out of"):
        read_manifest(manifest(folder, ROW.replace("a.wav", name)))


def test_links_within_the_folder_are_fine(folder):
    (folder / "link.wav").symlink_to(folder / "b.wav")
    (pair,) = read_manifest(manifest(folder, ROW.replace("a.wav", "link.wav"))).pairs
    assert pair.audio == folder / "b.wav"


def test_duplicates_are_left_out(folder):
    source = read_manifest(manifest(folder, ROW, ROW.replace("a.wav", "b.wav")))
    assert len(source.pairs) == 1
    assert source.skipped[0].what == "manifest.csv line 3"


def test_text_that_is_not_utf8_or_not_csv(folder):
    path = folder / "manifest.csv"
    path.write_bytes(HEADER.encode() + b"\n\xff\xfe")
    with pytest.raises(UserError, match="not text in UTF-8"):
        read_manifest(path)
    path.write_text(f'{HEADER}\ntrain,"vio"lin,v1,500,a.wav,a.jpg\n')
    with pytest.raises(UserError, match="line 2 is not valid CSV"):
        read_manifest(path)


@pytest.mark.parametrize("name", ["circle.wav", "circle/a.wav", "x" * 300 + ".wav"])
def test_a_name_that_the_system_cannot_follow_is_left_out(folder, name):
    (folder / "circle.wav").symlink_to("circle.wav")
    (folder / "circle").symlink_to("circle")
    source = read_manifest(manifest(folder, ROW, ROW.replace("a.wav", name).replace("500", "0")))
    assert len(source.pairs) == 1
    assert source.skipped[0].why.startswith(f"no file {name}")


def test_a_table_too_large_for_memory_is_refused_unread(folder, monkeypatch):
    monkeypatch.setattr("cargan_tf.data.sources.tables.MAX_BYTES", 20)
    with pytest.raises(UserError, match="is larger than"):
        read_manifest(manifest(folder, ROW))
