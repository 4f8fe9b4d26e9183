"""Tables that one stage writes and another reads, as CSV: columns are declared once, for both.

A row is a line, a field is plain text: UTF-8 of at most `LONGEST` bytes, without quotation marks or
what cannot be printed.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd

from fist.stage.files import read_bytes, write_text

LONGEST = 1_000
"""Bytes of a field."""
BLOCK = 64 << 20
"""Bytes that are parsed at once: many small files cost as little as a large one."""
COMMA, NEWLINE = b",\n"
MOST = 10_000
"""Columns of a table."""
LARGEST = float(np.finfo(np.float32).max)
EXACT = 2**53 - 1
"""Largest whole number up to which all are told apart."""


Rule = Callable[[pd.DataFrame], Mapping[str, np.ndarray]]


class ResultsError(ValueError):
    """Results that cannot be used; the message names the file, the value and the way out."""


@dataclass(frozen=True)
class Column:
    """What a column of a table holds."""

    name: str
    """Its name; one that ends with * stands for all columns that begin so, or for none."""
    kind: type = float
    """str; int: whole numbers; float: numbers."""
    least: float = -LARGEST
    most: float = LARGEST
    optional: bool = False
    """Whether a field may be empty."""
    form: str = ".+"
    """What a text has to match as a whole: a regular expression."""

    def __str__(self) -> str:
        if self.kind is str:
            return "a text" if self.form == ".+" else f"a text of the form {self.form}"
        least = f" from {self.least:g}" if self.least > -LARGEST else ""
        most = f" to {self.most:g}" if self.most < LARGEST else ""
        return f"a {'whole ' if self.kind is int else ''}number{least}{most}"

    def refuses(self, values: pd.Series) -> np.ndarray:
        """Return which values are not those of this column; empty ones are NaN."""
        wrong = values.isna().to_numpy() & (not self.optional)
        if self.kind is str:
            known = [text for text in values.unique() if re.fullmatch(self.form, str(text))]
            wrong |= (values.notna() & ~values.isin(known)).to_numpy()
        else:
            wrong |= ((values < self.least) | (values > self.most)).to_numpy()
        if self.kind is int:
            wrong |= (values.notna() & ((values % 1 != 0) | (values.abs() > EXACT))).to_numpy()
        return wrong


def _consistent(_table: pd.DataFrame) -> dict[str, np.ndarray]:
    return {}


def write_table(
    path: str | Path, columns: Sequence[Column], text: str, rule: Rule = _consistent
) -> None:
    """Write a table that is laid out as CSV, whole or not at all.

    Raises:
        ResultsError: it is not what the columns say.
    """
    content = text.encode()
    _Block(columns, _head(content), path).add(path, content).frame(rule)
    write_text(path, text)


def read_tables(
    files: Sequence[str | Path],
    columns: Sequence[Column],
    rule: Rule = _consistent,
    as_text: bool = False,
) -> list[pd.DataFrame]:
    """Read tables and check them; those with the same columns come together, in the files' order.

    Where a number may be missing, it is a float, NaN where it is. To the columns of the files
    come `file`, its number, and `line`.

    Args:
        files: the tables.
        columns: what they hold.
        rule: what their rows hold; says of some which are wrong, by what is wrong with them.
        as_text: whether numbers stay as they are written.

    Raises:
        FileNotFoundError: there is no such file.
        ResultsError: a file is not such a table, or has no row; it is named, with the line.
    """
    blocks: dict[str, _Block] = {}
    frames = []
    for number, file in enumerate(files):
        content = read_bytes(file).replace(b"\r\n", b"\n")
        head = _head(content)
        if head not in blocks:
            blocks[head] = _Block(columns, head, file)
        if blocks[head].add(file, content, number).size > BLOCK:
            frames.append(blocks.pop(head).frame(rule, as_text))
    return frames + [block.frame(rule, as_text) for block in blocks.values()]


class _Block:
    """Rows of files with the same columns, as they stand there."""

    def __init__(self, columns: Sequence[Column], head: str, file: str | Path):
        self._files: list[str | Path] = []
        self._numbers: list[int] = []
        self._bodies: list[bytes] = []
        self.size = 0
        names = head.split(",")
        if len(names) > MOST:
            raise ResultsError(f"{file}: {len(names)} columns, more than {MOST}; make it again")
        known = [(name, _column(name, columns)) for name in names]
        expected = [column.name for column in columns if not column.name.endswith("*")]
        faults = [
            ("unknown column", [name for name, column in known if column is None]),
            ("unprintable column", [name for name in names if not _plain(name)]),
            ("more than one column", [name for name, n in Counter(names).items() if n > 1]),
            ("no column", [name for name in expected if name not in names]),
        ]
        for fault, found in faults:
            if found:
                raise ResultsError(f"{file}: {fault} {_short(', '.join(found))}; make it again")
        self._columns = {name: column for name, column in known if column is not None}

    def add(self, file: str | Path, content: bytes, number: int = 0) -> "_Block":
        """Add the rows of a file."""
        body = content.partition(b"\n")[2]
        if not body:
            raise ResultsError(f"{file}: holds no row; make it again")
        self._files.append(file)
        self._numbers.append(number)
        self._bodies.append(body if body.endswith(b"\n") else body + b"\n")
        self.size += len(body)
        return self

    def frame(self, rule: Rule, as_text: bool = False) -> pd.DataFrame:
        """Parse the rows and check them."""
        self._rows = np.array([body.count(b"\n") for body in self._bodies])
        self._body = b"".join(self._bodies)
        self._bodies.clear()
        self._check_fields()
        text: dict[str, type] = dict.fromkeys(self._columns, str)
        numbers = [name for name, column in self._columns.items() if column.kind is not str]
        try:
            table = self._parse(text | dict.fromkeys(numbers, float))
        except ValueError:  # one is no number: which?
            table = self._parse(text)
            for name in numbers:
                values = pd.to_numeric(table[name], errors="coerce")
                self._refuse(name, (values.isna() & table[name].notna()).to_numpy())
                table[name] = values
        for name, column in self._columns.items():
            self._refuse(name, column.refuses(table[name]))
        for fault, wrong in rule(table).items():
            if wrong.any():
                self._stop(self._ends[wrong.argmax()], fault)
        whole = [name for name, of in self._columns.items() if of.kind is int and not of.optional]
        table = self._parse(text).fillna("") if as_text else table.astype(dict.fromkeys(whole, int))
        table["file"] = np.repeat(self._numbers, self._rows)
        table["line"] = np.concatenate([np.arange(2, n + 2) for n in self._rows])
        return table

    def _parse(self, kinds: dict[str, type]) -> pd.DataFrame:
        return pd.read_csv(
            io.BytesIO(self._body),
            header=None,
            names=list(self._columns),
            index_col=False,
            dtype=kinds,
            quoting=csv.QUOTE_NONE,
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
        )

    def _check_fields(self) -> None:
        """Refuse what is no table of plain fields, so many in every line."""
        found = np.frombuffer(self._body, np.uint8)
        self._ends = np.flatnonzero(found == NEWLINE)
        try:
            text = self._body.decode()
        except UnicodeDecodeError as error:
            self._stop(error.start, f"not UTF-8 ({error.reason})")
        if not _plain(text.replace("\n", "")):
            row = [_plain(line) for line in text.split("\n")].index(False)
            self._stop(self._ends[row], "a quotation mark or an unprintable character")
        marks = np.flatnonzero((found == COMMA) | (found == NEWLINE))
        lengths = np.diff(marks, prepend=-1) - 1
        if lengths.max() > LONGEST:
            first = int((lengths > LONGEST).argmax())
            self._stop(marks[first], f"a field of {lengths[first]} characters")
        fields = np.diff(np.searchsorted(marks, self._ends), prepend=-1)
        wrong = fields != len(self._columns)
        if wrong.any():
            row = int(wrong.argmax())
            said = f"{fields[row]} fields instead of {len(self._columns)}"
            self._stop(self._ends[row], said)

    def _refuse(self, name: str, wrong: np.ndarray) -> None:
        """Refuse the first value that is wrong, if one is."""
        if not wrong.any():
            return
        row = int(wrong.argmax())
        line = self._body[self._ends[row - 1] + 1 if row else 0 : self._ends[row]].decode()
        value = line.split(",")[list(self._columns).index(name)]
        self._stop(self._ends[row], f"{name} is '{_short(value)}', not {self._columns[name]}")

    def _stop(self, place: int, fault: str) -> NoReturn:
        """Name the file and the line of a place among the bytes."""
        row = int(np.searchsorted(self._ends, place))
        ends = self._rows.cumsum()
        number = int(np.searchsorted(ends, row, side="right"))
        line = row - (ends[number] - self._rows[number]) + 2
        raise ResultsError(f"{self._files[number]}, line {line}: {fault}; make the file again")


def _column(name: str, columns: Sequence[Column]) -> Column | None:
    """Return what is declared for a column's name."""
    for column in columns:
        start = column.name.removesuffix("*")
        if name == column.name or (start != column.name and name.startswith(start)):
            return column
    return None


def _head(content: bytes) -> str:
    return content.partition(b"\n")[0].decode(errors="replace")


def _plain(text: str) -> bool:
    return text.isprintable() and '"' not in text


def _short(text: str) -> str:
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 60 else f"{text[:50]}… ({len(text)} characters)"
