import pytest

from cargan_tf.data.sources.videos import VideoRow, find_tables, is_video_table, read_table
from cargan_tf.errors import UserError


def table(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_vggsounds_columns(tmp_path):
    path = table(tmp_path, '---g-f_I2yQ,1,"cello, bowed",test\nabc,30,tuba,train\n')
    assert is_video_table(path)
    assert list(read_table(path)) == [
        VideoRow("table.csv line 1", "---g-f_I2yQ", "cello, bowed", 1.0, 11.0, "test", ""),
        VideoRow("table.csv line 2", "abc", "tuba", 30.0, 40.0, "train", ""),
    ]


def test_aves_columns_with_and_without_their_header(tmp_path):
    row = "Violin, fiddle&RUhOCu3LNXM&good&2&9\n"
    headed = table(
        tmp_path, "Category&VideoID&Quality&StartTime&EndTime\n" + row, "Annotations.txt"
    )
    (first,) = read_table(headed)
    assert first == VideoRow(
        "Annotations.txt line 2", "RUhOCu3LNXM", "Violin, fiddle", 2.0, 9.0, "", ""
    )
    (second,) = read_table(table(tmp_path, row, "valSet.txt"))
    assert second.split == "validation"
    assert [path.name for path in find_tables(tmp_path)] == ["valSet.txt", "Annotations.txt"]


def test_a_table_of_ones_own(tmp_path):
    path = table(tmp_path, "label,video,player,split,note\nflute,a/b.mp4,Ann,val,x\nflute,c,,,\n")
    first, second = read_table(path)
    assert (first.video, first.player, first.split) == ("a/b.mp4", "Ann", "validation")
    assert (first.start, first.end) == (0.0, None)
    assert second.split == ""


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a,flute,x,2", "start 'x' is not a number of seconds"),
        ("a,flute,-1,2", "start '-1' is not a number of seconds"),
        ("a,flute,3,2", "it ends at 2 s, not after its start at 3 s"),
        ("a,,1,2", "label is empty"),
        (",flute,1,2", "video is empty"),
        ("a,flute,1,2,dev", "split 'dev' is not one of"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path, row, why):
    path = table(tmp_path, f"video,label,start,end,split\na,flute,1,2,train\n{row}\n")
    good, (what, reason) = read_table(path)
    assert isinstance(good, VideoRow)
    assert what == "table.csv line 3"
    assert why in reason


def test_a_missing_column_is_named(tmp_path):
    path = table(tmp_path, "video,labels\na,flute\n")
    assert is_video_table(path)
    with pytest.raises(UserError, match=r"no column 'label'.*names video, labels. Did you mean"):
        list(read_table(path))


def test_other_files_are_not_tables(tmp_path):
    assert not is_video_table(table(tmp_path, "split,label,recording,start_ms,audio,image\n"))
    assert not is_video_table(table(tmp_path, "video,label\n", "a.json"))
    assert not is_video_table(table(tmp_path, "", "b.csv"))
    assert not is_video_table(tmp_path)


@pytest.mark.parametrize(
    ("header", "column", "asked"),
    [
        ("video,label,set", "split", "set"),
        ("video,label,splits", "split", "splits"),
        ("video,label,offset", "start", "offset"),
        ("video,label,start_ms", "start", "start_ms"),
        ("video,label,stop", "end", "stop"),
    ],
)
def test_a_column_of_nearly_a_known_name_is_asked_about(tmp_path, header, column, asked):
    path = table(tmp_path, f"{header}\na,flute,1\n")
    with pytest.raises(UserError) as caught:
        list(read_table(path))
    assert f"has no column {column!r}" in str(caught.value)
    assert f"Did you mean {asked!r}? Rename it to {column!r}, or remove it." in str(caught.value)


def test_other_columns_are_named(tmp_path):
    notes = []
    (row,) = read_table(table(tmp_path, "video,label,mood\na,flute,sad\n"), notes)
    assert row.label == "flute"
    assert notes == ["columns of table.csv that are not used: mood"]


def test_a_table_of_a_french_spreadsheet(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes("Video;Label;Start;End\r\na;flûte;1,5;2,25\r\n".encode("cp1252"))
    notes = []
    (row,) = read_table(path, notes)
    assert (row.label, row.start, row.end) == ("flûte", 1.5, 2.25)
    assert len(notes) == 2
