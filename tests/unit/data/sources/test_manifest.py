import numpy as np
import pytest
import soundfile

from cargan_tf.data.sources.manifest import find_manifest, read_manifest
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


def test_an_absolute_path_within_the_folder_is_fine(folder, tmp_path):
    (pair,) = read_manifest(manifest(folder, ROW.replace("a.wav", str(folder / "a.wav")))).pairs
    assert pair.audio == folder / "a.wav"
    (tmp_path / "link").symlink_to(folder)  # the same folder by another name
    row = ROW.replace("a.wav", str(tmp_path / "link" / "a.wav"))
    (pair,) = read_manifest(manifest(folder, row)).pairs
    assert pair.audio == folder / "a.wav"


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
    source = read_manifest(manifest(folder, ROW, ROW))
    assert len(source.pairs) == 1
    (item,) = source.skipped
    assert item.what == "manifest.csv line 3"
    expected = "duplicate of violin/v1/500 (manifest.csv line 2): the same sound and image"
    assert item.why == expected


def test_text_that_is_in_no_encoding_or_not_csv(folder):
    path = folder / "manifest.csv"
    path.write_bytes(HEADER.encode() + b"\n\x81\x8d")  # no letters of Windows-1252 either
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


def tone(path, seconds):
    samples = 0.1 * np.sin(np.arange(round(8_000 * seconds)) / 3)
    soundfile.write(path, samples, 8_000)


def offsets(source):
    return [(pair.recording, pair.start_ms, pair.offset_ms) for pair in source.pairs]


def test_three_columns_are_enough(folder):
    source = read_manifest(
        manifest(folder, "violin,a.wav,a.jpg", "violin,b.wav,b.jpg", header="label,audio,image")
    )
    assert offsets(source) == [("a", 0, 0), ("b", 0, 0)]
    assert {pair.split for pair in source.pairs} == {""}
    (note,) = source.notes
    assert note.startswith("without a column 'recording', each sound file counts as a recording")


def test_sound_files_of_one_name_in_two_folders_are_two_recordings(folder):
    for name in ("x", "y"):
        (folder / name).mkdir()
        (folder / name / "1.wav").touch()
    rows = ("violin,x/1.wav,a.jpg", "violin,y/1.wav,b.jpg")
    source = read_manifest(manifest(folder, *rows, header="label,audio,image"))
    assert [pair.recording for pair in source.pairs] == ["x/1", "y/1"]


def test_rows_of_one_long_file_are_cut_at_start_ms(folder):
    tone(folder / "long.wav", 31)
    rows = [f"violin,long.wav,a.jpg,{500 * number}" for number in range(60)]
    source = read_manifest(manifest(folder, *rows, header="label,audio,image,start_ms"))
    assert offsets(source) == [("long", 500 * number, 500 * number) for number in range(60)]
    assert "59 clips begin at start_ms within their sound file, as there is no offset_ms" in (
        source.notes
    )


def test_a_single_row_of_a_long_file_is_cut_there_too(folder):
    tone(folder / "long.wav", 10)
    path = manifest(folder, "violin,v1,3000,long.wav,a.jpg", header=HEADER.removeprefix("split,"))
    assert offsets(read_manifest(path)) == [("v1", 3000, 3000)]


def test_pieces_cut_out_of_a_recording_are_heard_from_their_beginning(folder):
    rows = []
    for start in (0, 500, 1000):
        tone(folder / f"v1_{start}.wav", 0.5)
        rows.append(f"train,violin,v1,{start},v1_{start}.wav,a.jpg")
    assert offsets(read_manifest(manifest(folder, *rows))) == [
        ("v1", 0, 0),
        ("v1", 500, 0),
        ("v1", 1000, 0),
    ]


def test_longer_pieces_are_recognized_by_those_too_short_for_their_start(folder):
    rows = []
    for start in (0, 1000, 2000, 3000):
        tone(folder / f"v1_{start}.wav", 2.5)
        rows.append(f"train,violin,v1,{start},v1_{start}.wav,a.jpg")
    source = read_manifest(manifest(folder, *rows))
    assert [pair.offset_ms for pair in source.pairs] == [0, 0, 0, 0]


def test_offset_ms_goes_before_start_ms(folder):
    tone(folder / "long.wav", 31)
    rows = [f"violin,long.wav,a.jpg,{start},{start + 250}" for start in (0, 500)]
    rows.append("violin,long.wav,b.jpg,7000,")
    source = read_manifest(manifest(folder, *rows, header="label,audio,image,start_ms,offset_ms"))
    assert offsets(source) == [("long", 0, 250), ("long", 500, 750), ("long", 7000, 7000)]


def test_offset_ms_alone_also_tells_moments_apart(folder):
    rows = [f"violin,a.wav,a.jpg,{offset}" for offset in (0, 750)]
    source = read_manifest(manifest(folder, *rows, header="label,audio,image,offset_ms"))
    assert offsets(source) == [("a", 0, 0), ("a", 750, 750)]


def test_three_files_of_one_recording_are_no_duplicates(folder):
    rows = []
    for number in range(3):
        tone(folder / f"part{number}.wav", 11)
        rows += [f"train,violin,studio,{500 * start},part{number}.wav,a.jpg" for start in range(20)]
    source = read_manifest(manifest(folder, *rows))
    assert (len(source.pairs), source.skipped) == (60, ())
    assert len({pair.id for pair in source.pairs}) == 60
    assert len({(pair.audio, pair.offset_ms) for pair in source.pairs}) == 60


def test_a_sound_and_offset_that_repeat_are_pointed_out(folder):
    rows = [f"violin,a.wav,{name}.jpg" for name in ("a", "b")]
    source = read_manifest(manifest(folder, *rows, header="label,audio,image"))
    assert len(source.pairs) == 2
    assert any("2 use a.wav from 0 ms on" in note for note in source.notes)


@pytest.mark.parametrize(
    "header",
    [
        "Split,Label,Recording,Start_ms,Audio,Image",
        "SPLIT,LABEL,RECORDING,START MS,AUDIO,IMAGE",
        " split , label ,recording, start-ms ,audio,image",
    ],
)
def test_case_and_blanks_of_columns_do_not_count(folder, header):
    (pair,) = read_manifest(manifest(folder, ROW, header=header)).pairs
    assert (pair.split, pair.id) == ("train", "violin/v1/500")


@pytest.mark.parametrize(
    ("header", "column", "asked"),
    [
        (HEADER.replace("split", "set"), "split", "set"),
        (HEADER.replace("split", "Splits"), "split", "Splits"),
        (HEADER.replace("split", "subset"), "split", "subset"),
        (HEADER.replace("split", "offset"), "offset_ms", "offset"),
        (HEADER.replace("start_ms", "start"), "start_ms", "start"),
        (HEADER.replace("start_ms", "Start_sm"), "start_ms", "Start_sm"),
        (HEADER.replace("label", "instrument"), "label", "instrument"),
        (HEADER.replace("audio", "wav"), "audio", "wav"),
        (HEADER.replace("image", "photo"), "image", "photo"),
    ],
)
def test_a_column_of_nearly_a_known_name_is_asked_about(folder, header, column, asked):
    with pytest.raises(UserError) as caught:
        read_manifest(manifest(folder, ROW, header=header))
    message = str(caught.value)
    assert f"has no column {column!r}; its first line names" in message
    assert f"Did you mean {asked!r}?" in message
    assert f"Rename it to {column!r}, or remove it." in message


def test_other_columns_are_named(folder):
    header = f"{HEADER},room,performer"
    source = read_manifest(manifest(folder, f"{ROW},hall,Ann", header=header))
    assert source.notes == (
        "columns of manifest.csv that are not used: room, performer",
        "column 'performer' is not used: name it 'player' if that is meant",
    )


def test_the_truth_that_sample_data_writes_down_needs_no_word(folder):
    header = f"{HEADER},loudness_db,pose_pitch,pose_loudness"
    source = read_manifest(manifest(folder, f"{ROW},-20.5,0.5,0.5", header=header))
    assert source.notes == ()


def test_a_column_that_is_there_twice_is_refused(folder):
    with pytest.raises(UserError, match=r"two columns 'label' \('label' and 'Label'\)"):
        read_manifest(manifest(folder, f"{ROW},x", header=f"{HEADER},Label"))


def test_a_table_of_a_german_spreadsheet(folder):
    (folder / "Töne").mkdir()
    (folder / "Töne" / "a.wav").touch()
    path = folder / "manifest.csv"
    text = (
        "Split;Label;Recording;Start_ms;Audio;Image\r\nTrain;Flöte;v1;1.035,0;Töne\\A.wav;a.jpg\r\n"
    )
    path.write_bytes(text.encode("cp1252"))
    source = read_manifest(path)
    (pair,) = source.pairs
    assert (pair.split, pair.id) == ("train", "Flöte/v1/1035")
    assert pair.audio == folder / "Töne" / "a.wav"
    encoding, delimiter, times, spelling = source.notes
    assert "Windows-1252" in encoding
    assert "separated by ';'" in delimiter
    assert times.endswith("such as 1.035,0 as 1035 ms")
    assert "such as Töne\\A.wav as Töne/a.wav" in spelling


def test_spellings_of_one_label_in_one_table(folder):
    rows = [
        ROW.replace("violin", label).replace("v1", f"v{number}")
        for number, label in enumerate(
            ("violin", "Violin", "VIOLIN", "violins", "Flûte", "Flu\u0302te")
        )
    ]
    source = read_manifest(manifest(folder, *rows))
    assert {pair.label for pair in source.pairs} == {"violin", "Flûte"}
    assert sum("count as one" in note for note in source.notes) == 2


def test_a_table_for_each_split(folder):
    for name, row in (("train.csv", "violin,a.wav,a.jpg"), ("Testing.csv", "cello,b.wav,b.jpg")):
        (folder / name).write_text(f"label,audio,image\n{row}\n")
    assert find_manifest(folder) == folder
    source = read_manifest(folder)
    assert [(pair.split, pair.label) for pair in source.pairs] == [
        ("train", "violin"),
        ("test", "cello"),
    ]


def test_of_several_tables_one_must_be_named(folder):
    for name in ("old.csv", "new.txt"):
        (folder / name).write_text("label,audio,image\n")
    with pytest.raises(UserError, match=r"several tables of pairs; name one: new\.txt, old\.csv"):
        find_manifest(folder)
    (folder / "old.csv").unlink()
    assert find_manifest(folder) == folder / "new.txt"
    (folder / "manifest.csv").write_text("label,audio,image\n")
    assert find_manifest(folder) == folder / "manifest.csv"


def test_a_workbook_is_asked_to_be_saved_as_csv(folder):
    path = folder / "pairs.xlsx"
    path.write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(UserError, match=r"is a workbook .* save the table as CSV"):
        read_manifest(find_manifest(path))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Instrument;Audiodatei;Bild", "Audiodatei as audio, Bild as image, Instrument as label"),
        ("Etikett;Ton;Foto", "Etikett as label, Ton as audio, Foto as image"),
        ("e\u0301tiquette;Son;Image", "e\u0301tiquette as label, Son as audio"),
        ("etiqueta;audio;imagen", "etiqueta as label, imagen as image"),
    ],
)
def test_columns_in_another_language_are_read_and_said(folder, header, said):
    source = read_manifest(manifest(folder, "violin;a.wav;a.jpg", header=header))
    assert len(source.pairs) == 1
    assert any(f"were read in another language: {said}" in note for note in source.notes)


def test_all_columns_are_asked_about_at_once(folder):
    with pytest.raises(UserError) as caught:
        read_manifest(manifest(folder, ROW, header="set,category,take,start,wav,photo"))
    message = str(caught.value)
    assert message.count("to '") == 6
    for old, new in (("category", "label"), ("wav", "audio"), ("start", "start_ms")):
        assert f"'{old}' to '{new}'" in message
    assert "whole milliseconds" in message


def test_a_table_without_a_header_says_what_the_first_line_must_be(folder):
    with pytest.raises(UserError, match=r"The first line must name the columns, such as label,"):
        read_manifest(manifest(folder, "cello,a.wav,a.jpg", header="violin,b.wav,b.jpg"))


def test_invisible_signs_make_no_other_label(folder):
    row = ROW.split(",")
    row[HEADER.split(",").index("label")] += "\u200b"
    (pair,) = read_manifest(manifest(folder, ",".join(row))).pairs
    assert pair.label == "violin"
