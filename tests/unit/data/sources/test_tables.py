import time
from pathlib import Path
from unittest import mock

import pytest

from cargan_tf.data.sources import tables
from cargan_tf.data.sources.detection import find_source
from cargan_tf.data.sources.tables import (
    RowError,
    Table,
    check_columns,
    decimal_number,
    open_table,
    read_text,
    split_in_name,
    split_of,
    unused_columns,
    whole_milliseconds,
)
from cargan_tf.errors import UserError


def test_rows_with_their_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a, b\n1,"2, 3"\n4\n')
    table = open_table(path)
    assert table.names == ["a", "b"]
    rows = [(line, table.named(values)) for line, values in table.rows]
    assert rows == [(2, {"a": "1", "b": "2, 3"}), (3, {"a": "4", "b": ""})]
    assert table.assumed == ()


def test_other_delimiters_have_no_quotes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text('He said "ho"&x\n')
    table = open_table(path, "&", ["label", "video"])
    ((line, values),) = table.rows
    assert (line, table.named(values)) == (1, {"label": 'He said "ho"', "video": "x"})


@pytest.mark.parametrize(("word", "split"), [("Val", "validation"), (" training ", "train")])
def test_words_for_splits(word, split):
    assert split_of(word) == split


def test_a_word_that_is_no_split():
    with pytest.raises(RowError, match="split 'dev' is not one of train, validation, test"):
        split_of("dev")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train_data.txt", "train"),
        ("valSet.txt", "validation"),
        ("test.csv", "test"),
        ("Annotations.txt", ""),
        ("train_and_test.csv", ""),
        ("contest.csv", ""),
    ],
)
def test_files_named_after_a_split(name, split):
    assert split_in_name(Path(name)) == split


def names_and_values(path):
    table = open_table(path)
    return table.names, [table.named(values) for _, values in table.rows]


@pytest.mark.parametrize(
    ("content", "assumed"),
    [
        ("label;audio\nFlöte;a,b.wav\n".encode("cp1252"), ["Windows-1252", "';'"]),
        ("label;audio\nFlöte;a,b.wav\n".encode("utf-8-sig"), ["';'"]),
        ("sep=;\r\nlabel;audio\r\nFlöte;a,b.wav\r\n".encode(), []),
        ('"sep=|"\r\nlabel|audio\r\nFlöte|"a,b.wav"\r\n'.encode(), []),
        ("label\taudio\r\nFlöte\ta,b.wav\r\n".encode("utf-16"), ["tabs"]),
        ("label\taudio\nFlöte\ta,b.wav\n".encode("utf-16-le"), ["tabs"]),
        ("label\taudio\nFlöte\ta,b.wav\n".encode("utf-16-be"), ["tabs"]),
        ("label;audio\rFlöte;a,b.wav\r".encode("mac-roman"), ["Mac Roman", "';'"]),
        ('"label";"audio"\n"Flöte";"a,b.wav"\n'.encode(), ["';'"]),
        ("\r\n\r\nlabel;audio;;\r\n;;;\r\nFlöte;a,b.wav;;\r\n\r\n".encode(), ["';'"]),
        ('"label,audio"\n"Flöte,""a,b.wav"""\n'.encode(), []),  # rows in a single cell
    ],
)
def test_what_spreadsheets_write(tmp_path, content, assumed):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert names_and_values(path) == (["label", "audio"], [{"label": "Flöte", "audio": "a,b.wav"}])
    said = open_table(path).assumed
    assert len(said) == len(assumed)
    assert all(word in line for word, line in zip(assumed, said, strict=True))


def test_an_assumed_encoding_is_shown_by_a_word(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("label,audio\nFlûte,a.wav\n".encode("cp1252"))
    assert open_table(path).assumed == (
        "a.csv is not UTF-8 and was read as Windows-1252, such as in 'Flûte'",
    )


def test_lines_are_counted_from_the_top_of_the_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("sep=;\n\na;b\n1;2\n\n3;4\n")
    assert [line for line, _ in open_table(path).rows] == [4, 6]


def test_more_values_than_columns_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,audio\nviolin,a,b.wav\n")
    table = open_table(path)
    ((_, values),) = table.rows
    with pytest.raises(RowError, match=r'3 values for 2 columns: .* must stand in "quotes"'):
        table.named(values)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04" + bytes(30), "a workbook"),
        (b"\xd0\xcf\x11\xe0" + bytes(30), "old Excel"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"label,audio\n" + b"x" * 200 + b"\0\n", "null characters"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, content, what):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=what):
        open_table(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1035", 1035),
        ("1035.0", 1035),
        ("1035,00", 1035),
        ("1.035,0", 1035),
        ("1,035.0", 1035),
        ("1 035", 1035),
        ("1\u202f035,0", 1035),
        ("12'500", 12500),
        ("500 ms", 500),
        ("0", 0),
    ],
)
def test_milliseconds_as_spreadsheets_write_them(text, value):
    assert whole_milliseconds(text) == value


@pytest.mark.parametrize("text", ["1.000", "12,500", "1.035"])
def test_a_number_that_may_be_two_is_asked_about(text):
    with pytest.raises(RowError, match=r"may be .* or .*: write a whole number without grouping"):
        whole_milliseconds(text)


@pytest.mark.parametrize(
    "text", ["-5", "1035.5", "1035,7", "1E+03", "1_000", "nan", "inf", "0x10", "1.2.3", "86400001"]
)
def test_what_is_no_number_of_milliseconds(text):
    with pytest.raises(RowError, match="is not a whole number of milliseconds"):
        whole_milliseconds(text)


@pytest.mark.parametrize(
    ("text", "value"), [("60,5", 60.5), ("60.5", 60.5), ("1.035,25", 1035.25), ("-2", -2.0)]
)
def test_decimal_numbers(text, value):
    assert decimal_number(text) == value


@pytest.mark.parametrize("text", ["Flöte;Über.wav\n", "clé;été.wav\n", "Violín;niño.wav\n"])
@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp1252", "Windows-1252"), ("cp850", "code page 850"), ("mac-roman", "Mac Roman")],
)
def test_the_encoding_is_that_which_gives_words(tmp_path, text, encoding, name):
    """Excel saves CSV as Windows-1252, as "MS-DOS" and as "Macintosh"."""
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    read, (said,) = read_text(path)
    assert read == text
    assert f"was read as {name}" in said


@pytest.mark.parametrize("text", ["“air”;a.wav", "„Air“;a.wav", "don’t;a.wav", "Bach – Suite;5 €"])
def test_quotes_of_windows_are_no_letters_of_dos(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode("cp1252"))
    assert read_text(path)[0] == text


def test_too_many_columns_are_refused_at_once(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text("label,audio,image," + ",".join(f"q{number}" for number in range(100_000)))
    before = time.process_time()
    with pytest.raises(UserError, match="has 100,003 columns; expected at most 1,000") as error:
        find_source(path)
    assert time.process_time() - before < 1
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_row_that_would_take_gigabytes_is_refused(tmp_path, quote):
    path = tmp_path / "a.csv"
    path.write_text("label,audio\n" + f"{quote}\n{quote}," * 10_000)
    with mock.patch.object(tables, "MAX_ROW", 1_000):
        table = open_table(path)
        if quote:
            with pytest.raises(UserError, match="a row of more than 1,000 characters"):
                list(table.rows)
        else:  # many short rows are no long one
            assert list(table.rows) == []


def test_of_many_columns_the_first_are_named(tmp_path):
    names = [f"column{number}" for number in range(900)] + ["x" * 5_000]
    with pytest.raises(UserError, match=r"names column0, .*, column19 and 881 more") as error:
        check_columns(tmp_path / "a.csv", names, (), ["label"], ["split"])
    assert len(str(error.value)) < 1_000
    (note,) = unused_columns(tmp_path / "a.csv", names, (), ["split"])
    assert note.endswith("column19 and 881 more")
    assert len(unused_columns(tmp_path / "a.csv", ["subset"] * 900, (), ["split"])) == 21


def test_a_row_costs_as_much_as_the_columns_that_are_read():
    table = Table([f"q{number}" for number in range(1_000)], iter(()), ())
    before = time.process_time()
    for _ in range(20_000):
        assert table.named(["x"], ["q0", "q999"]) == {"q0": "x", "q999": ""}
    assert time.process_time() - before < 1
