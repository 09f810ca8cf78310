from collections import Counter

import pytest

from cargan_tf.data.sources.detection import find_source
from cargan_tf.data.sources.videos import find_videos, read_videos
from cargan_tf.errors import UserError


@pytest.fixture
def folder(tmp_path, write_video):
    root = tmp_path / "set"
    for name in ("whole.mp4", "clips/cut_000030.mp4"):
        write_video(root / name, 3.0)
    write_video(root / "clips/mute.mp4", 3.0, frequency=None)
    return root


def write_table(folder, text, name="table.csv"):
    (folder / name).write_text(text)
    return folder / name


def counts(source):
    return Counter((p.split, p.label, p.recording) for p in source.pairs)


def test_vggsound_whole_videos_and_cut_ones(folder):
    path = write_table(
        folder,
        "whole,1,violin,test\ncut,30,cello,train\nmute,0,flute,train\ngone,5,tuba,train\n",
    )
    assert find_videos(folder) == folder
    assert find_videos(path) == path
    source = read_videos(folder, 500)
    assert counts(source) == {
        ("test", "violin", "whole"): 4,  # from second 1 on
        ("train", "cello", "cut_000030"): 6,
    }
    first = next(p for p in source.pairs if p.label == "violin")
    assert (first.offset_ms, first.frame_ms, first.start_ms) == (1000, 1000, 1000)
    assert first.audio == first.image == folder / "whole.mp4"
    assert next(p for p in source.pairs if p.label == "cello").group == "cut"
    assert [(item.what, item.why) for item in source.skipped] == [
        ("table.csv line 3", "clips/mute.mp4 has no sound"),
        ("table.csv line 4", "no video gone in set"),
    ]


def test_a_cut_file_without_its_start_in_the_name(folder):
    write_table(folder, "whole,30,violin,train\n")
    assert [p.start_ms for p in read_videos(folder, 500).pairs] == list(range(0, 3000, 500))


def test_ave_with_its_split_files(folder):
    row = "Violin&whole&good&0&2\n"
    write_table(
        folder,
        f"Category&VideoID&Quality&StartTime&EndTime\n{row}Cello&cut_000030&good&1&3\n",
        "Annotations.txt",
    )
    write_table(folder, row, "testSet.txt")
    source = read_videos(folder, 500)
    assert counts(source) == {("test", "Violin", "whole"): 4, ("", "Cello", "cut_000030"): 4}
    assert not source.skipped


def test_a_table_of_ones_own_may_name_paths(folder):
    write_table(folder, "video,label,end\nclips/cut_000030.mp4,cello,1.2\n")
    (first, second) = find_source(folder, clip_ms=600).pairs
    assert (first.start_ms, second.start_ms) == (0, 600)


def test_a_path_that_leaves_the_folder(folder):
    path = write_table(folder, "video,label\n../whole.mp4,cello\n")
    with pytest.raises(UserError, match=r"table.csv line 2, video: '../whole.mp4' leads out of"):
        read_videos(path, 500)


def test_damaged_and_short_videos_are_left_out(folder, write_video):
    (folder / "whole.mp4").write_bytes(b"no video")
    write_video(folder / "short.mp4", 0.3)
    write_table(folder, "video,label,start,end\nwhole,cello,,\nshort,cello,,\ncut_000030,tuba,9,\n")
    with pytest.raises(UserError, match=r"holds no pair .* skipped: 3 \(table.csv line 2") as it:
        find_source(folder)
    assert "cannot be read as a video" in str(it.value)
    assert "no clip of 0.5 s from 0 s on" in str(it.value)
    assert "lasts 3.0 s: no clip of 0.5 s from 9 s on" in str(it.value)


def test_links_out_of_the_folder_are_passed_over(folder, tmp_path, write_video):
    write_video(tmp_path / "outside.mp4", 1.0)
    (folder / "linked.mp4").symlink_to(tmp_path / "outside.mp4")
    write_table(folder, "video,label\nlinked,cello\n")
    assert read_videos(folder, 500).skipped[0].why == "no video linked in set"
