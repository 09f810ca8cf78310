"""Tables and lists that people write: text in, rows out, and what was assumed of them."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import math
import re
import string
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final

from cargan_tf.data.pairs import NO_SPLIT, SPLITS
from cargan_tf.errors import UserError, did_you_mean, question
from cargan_tf.labels import fold

#: A day: no recording is longer, a greater number is a slip.
MAX_SECONDS = 86_400
MAX_MS = 1000 * MAX_SECONDS

#: A million rows are some 100 MB; the text is held in memory.
MAX_BYTES = 256 * 2**20

#: Of a table; each is compared with all that are known. The widest spreadsheets have 16,384, tables
#: of pairs some 10.
MAX_COLUMNS: Final = 1_000
#: Characters of a row; one of a few million values would take gigabytes.
MAX_ROW: Final = 1 << 20
#: Columns named in a message, and characters of each.
_MOST_NAMED: Final = 20
_MOST_OF_NAME: Final = 60

#: How a split is called in columns, folders and names of files: ``train_data.txt``, ``valSet.txt``.
SPLIT_WORDS: Final = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
    "validierung": "validation",
    "entraînement": "train",
    "entrenamiento": "train",
    "addestramento": "train",
    "validación": "validation",
    "prueba": "test",
}


#: Files of images, by their ending.
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})

#: Between the values of a row. Of two that give as many columns, the first.
_DELIMITERS: Final = (",", ";", "\t", "|")

#: Characters in which the names of all columns stand.
_HEADER_LENGTH: Final = 1 << 16

#: Encodings of spreadsheets in Western languages, the likeliest first, and their names.
_WESTERN: Final = (
    ("cp1252", "Windows-1252"),
    ("cp850", "code page 850"),
    ("mac-roman", "Mac Roman"),
)
_OPENING, _CLOSING = "“‘„«", "”’“»"
_WESTERN_LETTERS: Final = frozenset("äöüßàâáãåæçèéêëìíîïñòóôõøœùúûÿ")

#: Excel's own first line: ``sep=;``.
_SEP_LINE = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?[,;\t|]*\r?\n?', re.IGNORECASE)

#: Byte-order marks and what they stand before; the longer one first, as it begins like another.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: What is saved instead of a table of text, by its first bytes.
_OTHER_CONTENTS: Final = (
    (b"PK\x03\x04", "a workbook (Excel, LibreOffice or Numbers)"),
    (b"\xd0\xcf\x11\xe0", "a workbook of old Excel"),
    (b"%PDF-", "a PDF"),
)

_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)
#: What people call the columns of tables who are then asked; plain names, as of
#: :func:`plain_name`.
_OTHER_NAMES: Final = {
    "label": "class classname category instrument labels tag target",
    "audio": "sound wav wavfile soundfile audiofile audiopath clip filename file path",
    "image": "photo picture img jpg imagefile imagepath frame photofile",
    "video": "clip file filename path videofile videopath",
    "split": "set subset partition fold phase dataset usage datasplit traintest traintestsplit"
    " trainval trainvaltest istrain istest trainset",
    "recording": "record take recordingid recordingname",
    "start_ms": "start starttime begin onset timestamp startsec starts startseconds beginn anfang"
    " startzeit debut inicio inizio",
    "offset_ms": "offset offsetsec offsets offsetseconds audiooffset",
    "start": "begin from onset offset startms startsec timestamp",
    "end": "stop to until endms endsec",
    "player": "performer musician playername person",
    "midi": "midinote midikey midipitch note pitch",
}
#: Columns in other languages, without accents; "instrument" means a label only beside others.
_TRANSLATIONS: Final = {
    "label": "etikett klasse etiquette classe etiqueta clase etichetta strumento musikinstrument",
    "audio": "audiodatei ton tondatei klang klangdatei sounddatei geluid geluidsbestand son"
    " fichieraudio fichierson sonido archivoaudio archivodeaudio suono fileaudio",
    "image": "bild bilddatei foto fotodatei afbeelding imagen immagine fichierimage"
    " archivodeimagen",
    "split": "aufteilung teilmenge ensemble conjunto insieme",
    "recording": "aufnahme aufzeichnung opname enregistrement grabacion registrazione",
    "player": "spieler spielerin musiker musikerin interprete musicien musico musicista",
    "start_ms": "startinms anfangms anfanginms beginnms beginninms startzeitms"
    " startzeitinms debutms debutenms inicioms inicioenms inizioms inizioinms",
    "offset_ms": "versatzms versatzinms decalagems desfasems",
}
_INSTRUMENT: Final = "instrument"
#: What stands in names of columns beside letters: ``Start (ms)``.
_SIGNS: Final = str.maketrans("", "", "()[]{}.:/-#\"'")
#: A column is asked about if its name is as near to a known one.
_NEAR: Final = 0.8

#: ``1 035``, ``1'035``: blanks and apostrophes only group digits.
_GROUPED = re.compile(r"\d{1,3}(?:[ \u00a0\u2009\u202f'’]\d{3})+(?:[.,]\d+)?")
#: ``1.035,0`` and ``1,035.0``: the last sign is the decimal one.
_TWO_SIGNS = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:,\d{3})+\.\d+")
#: ``1.035`` and ``1,035``: a number with a fraction, or a thousand and more.
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


#: White space, and what is invisible: marks of byte order and of direction, blanks without width.
_BLANKS: Final = string.whitespace + "\u00a0\u2007\u202f\u3000\u200b\u2060\ufeff\u200e\u200f"


class RowError(Exception):
    """Why one row gives no pair."""


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        names: of the columns, without blanks around them.
        rows: line number and stripped values of every row that has any.
        assumed: what was taken for granted to read it, for its owner to check.
    """

    names: list[str]
    rows: Iterator[tuple[int, list[str]]]
    assumed: tuple[str, ...]

    def named(self, values: list[str], columns: Iterable[str] | None = None) -> dict[str, str]:
        """The values of a row by column; missing ones are empty.

        Args:
            values: of the row.
            columns: those wanted; all by default. A row then costs no more than these, however
                many the table has.

        Raises:
            RowError: there are more of them than columns.
        """
        if any(values[len(self.names) :]):
            raise RowError(
                f"{len(values)} values for {len(self.names)} columns: a value that holds the"
                ' delimiter must stand in "quotes"'
            )
        wanted = self._positions if columns is None else columns
        found = {name: self._positions[name] for name in wanted if name}
        return {name: values[at] if at < len(values) else "" for name, at in found.items()}

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}


def read_text(path: Path) -> tuple[str, tuple[str, ...]]:
    """The text of a table or list, and what was assumed of its encoding.

    UTF-8, UTF-16 and UTF-32 are recognized. Other text is taken for what spreadsheets in Western
    languages write: Windows-1252, code page 850 (Excel's "CSV (MS-DOS)") or Mac Roman, whichever
    gives the most letters of these languages.

    Raises:
        UserError: it cannot be read, is larger than :data:`MAX_BYTES`, or is no text.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(
                f"{path} is larger than {MAX_BYTES >> 20} MB: expected a table of text; split it."
            )
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    for start, what in _OTHER_CONTENTS:
        if content.startswith(start):
            raise UserError(f"{path} is {what}, not text: save the table as CSV (UTF-8).")
    encoding, assumed = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not text in UTF-8, UTF-16 or Windows-1252: save it as CSV in UTF-8."
        ) from error
    if "\0" in text:
        raise UserError(f"{path} is not text (it holds null characters): save it as CSV in UTF-8.")
    if not assumed:
        return text, ()
    words = (match[0] for match in re.finditer(r"\w+", text))
    example = next((word for word in words if not word.isascii()), "")
    shown = f", such as in {example!r}" if example else ""
    return text, (f"{path.name} is not UTF-8 and was read as {assumed}{shown}",)


def open_table(
    path: Path, delimiter: str | None = None, header: Sequence[str] | None = None
) -> Table:
    """The table in a file of text.

    Args:
        path: the file.
        delimiter: between values; if None, what its first line says or shows. Values in quotes
            are unquoted unless it is ``&``.
        header: names of the columns, where the file has none in its first line.

    Raises:
        UserError: it cannot be read, or has more than :data:`MAX_COLUMNS`; while rows are taken,
            that one is not valid CSV or longer than :data:`MAX_ROW`.
    """
    text, assumed = read_text(path)
    skipped = len(text) - len(text.lstrip("\r\n"))
    said = _SEP_LINE.match(text, skipped)
    if said:
        skipped = said.end()
        delimiter = delimiter or said["delimiter"]
    before = sum(1 for _ in io.StringIO(text[:skipped], newline=""))
    text = text[skipped:]
    if delimiter is None:
        delimiter, text = _delimiter_of(text)
        if delimiter != ",":
            shown = {"\t": "tabs"}.get(delimiter, repr(delimiter))
            assumed += (f"the values of {path.name} are separated by {shown}",)
    rows = _values(path, text, delimiter, before)
    names = list(header) if header is not None else next((values for _, values in rows), [])
    if len(names) > MAX_COLUMNS:
        raise UserError(
            f"{path} has {len(names):,} columns; expected at most {MAX_COLUMNS:,}: leave out those"
            " that say nothing of the pairs."
        )
    return Table(names, rows, assumed)


def decimal_number(text: str) -> float:
    """A number as any spreadsheet writes it: ``1035``, ``1035.0``, ``1035,0``, ``1.035,0``.

    Raises:
        RowError: it is none, or may be two: ``1.035``.
    """
    plain = text.strip()
    if _GROUPED.fullmatch(plain):
        plain = re.sub("[ \u00a0\u2009\u202f'’]", "", plain)
    elif _TWO_SIGNS.fullmatch(plain):
        sign = max(plain.rfind("."), plain.rfind(","))
        plain = f"{re.sub('[.,]', '', plain[:sign])}.{plain[sign + 1 :]}"
    elif "," in plain and _AMBIGUOUS.fullmatch(plain):
        raise RowError(
            f"{text!r} may be {plain.replace(',', '.')} or {plain.replace(',', '')}: write it"
            " without grouping"
        )
    if not _NUMBER.fullmatch(plain):
        raise RowError(f"{text!r} is not a number")
    return float(plain.replace(",", "."))


def whole_milliseconds(text: str) -> int:
    """A time in whole milliseconds, as any spreadsheet writes it.

    Raises:
        RowError: it is none up to :data:`MAX_MS`, or may be two numbers: ``1.000``.
    """
    digits = text.removesuffix("ms").rstrip()
    if _AMBIGUOUS.fullmatch(digits):
        raise RowError(
            f"{text!r} may be {digits.replace(',', '.')} or {re.sub('[.,]', '', digits)}"
            " milliseconds: write a whole number without grouping"
        )
    try:
        value = decimal_number(digits)
    except RowError:
        value = -1.0
    # A spreadsheet that shows 1E+03 has rounded.
    if not (0 <= value <= MAX_MS and value.is_integer()) or "e" in digits.lower():
        raise RowError(f"{text!r} is not a whole number of milliseconds up to {MAX_MS}")
    return int(value)


def split_of(text: str) -> str:
    """The split that a word such as ``val`` or ``Training`` means.

    Raises:
        RowError: it means none.
    """
    split = SPLIT_WORDS.get(text.strip().lower(), NO_SPLIT)
    if split == NO_SPLIT:
        raise RowError(f"split {text!r} is not one of {', '.join(SPLITS)}")
    return split


def words_in(name: str) -> list[str]:
    """The words of a name in small letters: ``valSet_2`` -> ``val``, ``set``."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]


def split_in_name(path: Path) -> str:
    """The split that a file is named after (``train_data.txt``, ``valSet.txt``), else none."""
    splits = {SPLIT_WORDS[word] for word in words_in(path.stem) if word in SPLIT_WORDS}
    return splits.pop() if len(splits) == 1 else NO_SPLIT


def plain_name(name: str) -> str:
    """The name of a column without case, blanks and signs: ``Start (ms)`` -> ``startms``."""
    return re.sub(r"[\W_]", "", name.casefold())


def check_columns(
    path: Path,
    names: Sequence[str],
    used: Collection[str],
    required: Sequence[str],
    decisive: Sequence[str],
) -> None:
    """Check that a table has its columns, and none that may be one of them in other words.

    A user's own split that is passed over in silence would be dealt anew.

    Args:
        path: the table.
        names: of its columns.
        used: those of ``names`` that are known.
        required: missing columns that it cannot do without.
        decisive: missing columns without which its pairs would mean something else.

    Raises:
        UserError: it lacks a required column, or a name is near to that of a decisive one.
    """
    unknown = [name for name in names if name and name not in used]
    likely = [name for name in unknown if len(name) <= _MOST_OF_NAME]
    close = {
        column: [name for name in likely if may_mean(column, name)]
        for column in (*required, *decisive)
    }
    missing = [column for column, near in close.items() if near or column in required]
    if not missing:
        return
    if not any(close.values()):
        del missing[1:]
    present = _named(list(filter(None, names))) or "nothing"
    if len(missing) == 1:
        (column,) = missing
        asked = did_you_mean(column, likely) if column in required else ""
        if close[column]:
            near = [_short(name) for name in close[column][:_MOST_NAMED]]
            asked = question(near) + f" Rename it to {column!r}, or remove it."
    else:
        renamed = [f"{_short(near[0])!r} to {column!r}" for column, near in close.items() if near]
        asked = f" Rename {', '.join(renamed)}, or remove them." if renamed else ""
    if any(close[column] for column in missing if column.endswith("_ms")):
        asked += " Times in columns that end in _ms are whole milliseconds."
    if not used:
        asked += f" The first line must name the columns, such as {','.join(required)}."
    columns = "column" if len(missing) == 1 else "columns"
    raise UserError(
        f"{path} has no {columns} {', '.join(map(repr, missing))}; its first line names"
        f" {present}.{asked}"
    )


def translated_columns(names: Sequence[str]) -> dict[str, str]:
    """Known columns and what they are called in a table in another language.

    Each name is meant by one column only; of two for the same, none is taken.
    """
    by_name = {word: column for column, words in _TRANSLATIONS.items() for word in words.split()}
    found: dict[str, list[str]] = {}
    for name in names:
        column = by_name.get(fold(name).replace("_", "").translate(_SIGNS))
        if column is not None:
            found.setdefault(column, []).append(name)
    instruments = [name for name in names if plain_name(name) == _INSTRUMENT]
    if found and "label" not in found and len(instruments) == 1:
        found["label"] = instruments
    return {column: own[0] for column, own in found.items() if len(own) == 1}


def unused_columns(
    path: Path, names: Sequence[str], used: Collection[str], missing: Sequence[str]
) -> list[str]:
    """Lines on the columns of a table that are not ``used``, and what they may have meant."""
    unused = [name for name in names if name and name not in used]
    if not unused:
        return []
    questions = (
        f"column {_short(name)!r} is not used: name it {column!r} if that is meant"
        for name in unused
        for column in missing
        if may_mean(column, name)
    )
    return [
        f"columns of {path.name} that are not used: {_named(unused)}",
        *islice(questions, _MOST_NAMED),
    ]


def _named(names: Sequence[str]) -> str:
    """Names for a message: the first of many."""
    shown = ", ".join(map(_short, names[:_MOST_NAMED]))
    return f"{shown} and {len(names) - _MOST_NAMED:,} more" if names[_MOST_NAMED:] else shown


def _short(name: str) -> str:
    return name if len(name) <= _MOST_OF_NAME else f"{name[:_MOST_OF_NAME]}…"


def may_mean(column: str, name: str) -> bool:
    """Whether a column called ``name`` may be the known one ``column``."""
    if len(name) > _MOST_OF_NAME:  # comparing takes its time
        return False
    plain = plain_name(name)
    near = difflib.get_close_matches(plain, [plain_name(column)], 1, _NEAR)
    return plain in _OTHER_NAMES.get(column, "").split() or bool(near)


def _encoding(content: bytes) -> tuple[str, str]:
    """The encoding of a text, and its name for people where it is only assumed."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding, ""
    start = content[:200]
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(start) > 1 and zeros.count(0) > len(zeros) // 2 and start.count(0) < len(start):
            return encoding, ""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        scores = {one: _letters_in(content, one[0]) for one in _WESTERN}
        best = max(_WESTERN, key=scores.__getitem__)
        return best if scores[best] > 0 else _WESTERN[0]
    return "utf-8", ""


def _letters_in(content: bytes, encoding: str) -> float:
    """How much a text looks like words in an encoding, the more the higher; -inf where it cannot
    be decoded."""
    try:
        text = content[:_HEADER_LENGTH].decode(encoding)
    except UnicodeDecodeError:
        return -math.inf
    score = 0
    for before, letter, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if not letter.isascii():
            after_word = before.isascii() and before.isalpha()
            before_word = after.isascii() and after.isalpha()
            odd = (letter.isupper() and before.islower()) or (letter.islower() and after.isupper())
            likely = letter.lower() in _WESTERN_LETTERS and (after_word or before_word) and not odd
            likely |= letter in _OPENING and before_word and not after_word
            likely |= letter in _CLOSING and after_word and (not before_word or letter == "’")
            score += 1 if likely else -1
    return score


def _delimiter_of(text: str) -> tuple[str, str]:
    """What separates the values of a table, and the table without quotes around whole rows."""
    names = {delimiter: _first_row(text, delimiter) for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda delimiter: len(names[delimiter]))
    if len(names[best]) == 1 and text.lstrip().startswith('"'):
        # Every row is one quoted value: a CSV that a spreadsheet opened in a single column.
        inner = "\n".join(row[0] if row else "" for row in _lenient_rows(text, ","))
        if any(delimiter in inner.partition("\n")[0] for delimiter in _DELIMITERS):
            return _delimiter_of(inner)
    return best, text


def _first_row(text: str, delimiter: str) -> list[str]:
    start = text[:_HEADER_LENGTH]
    return next((row for row in _lenient_rows(start, delimiter) if any(row)), [""])


class _Lines:
    """The lines of a text for ``csv``; ``of_row`` counts characters, set it to 0 at each row."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.of_row = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.of_row += len(line)
        if self.of_row > MAX_ROW:
            raise csv.Error(f"a row of more than {MAX_ROW:,} characters; split it")
        return line


def _lenient_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    lines = _Lines(text)
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            lines.of_row = 0
            yield row
    except csv.Error:  # said where the table is read in earnest
        return


def _values(path: Path, text: str, delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    lines = _Lines(text)
    reader = csv.reader(
        lines,
        strict=True,
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if delimiter == "&" else csv.QUOTE_MINIMAL,
    )
    try:
        for row in reader:
            lines.of_row = 0
            values = [value.strip(_BLANKS) for value in row]
            while values and not values[-1]:  # spreadsheets fill rows up with delimiters
                values.pop()
            if values:
                yield before + reader.line_num, values
    except csv.Error as error:
        line = before + reader.line_num
        raise UserError(f"{path} line {line} is not valid CSV: {error}.") from error
