"""Tables as text: CSV for programs, Markdown for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

Record = dict[str, Any]
"""One row of a table; what it lacks is empty."""


def csv_table(columns: Sequence[str], records: Iterable[Record] | pd.DataFrame) -> str:
    """Lay records out as CSV, values as they are; what a record lacks, or is None, is empty."""
    table = pd.DataFrame(records, columns=list(columns), dtype=object)
    return table.to_csv(index=False, lineterminator="\n")


def markdown(columns: Mapping[str, str], records: Sequence[Record]) -> str:
    """Lay records of text out for reading, in Markdown; columns without any cell are left out.

    Args:
        columns: the head of every column, and how its cells are written: a template for
            `str.format` with the names of the records' values, as in "{mean:.2f} (of {n})". The
            cell is empty where a record lacks one of them.
        records: the rows. Whatever their text is, a cell stays a cell.
    """
    shown = [
        (_cell(head), *cells)
        for head, template in columns.items()
        if any(cells := [_filled(template, row) for row in records]) or not records
    ]
    widths = [max(map(len, cells)) for cells in shown]
    lines = [*zip(*shown, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def ends(name: str, form: str = ".2f") -> str:
    """Return the template of an interval, of the columns <name>_lo and <name>_hi; – without one."""
    return f"{{{name}_ends:{form}}}"


class _Value(str):
    """A value as it stands in the CSV; a number where a template says how to write one."""

    def __format__(self, form: str) -> str:
        if form and not self:
            raise KeyError(form)
        return format(float(self), form).replace("%", " %") if form else str(self)


class _Interval(NamedTuple):
    """The ends of an interval."""

    low: _Value
    high: _Value

    def __format__(self, form: str) -> str:
        return f"[{self.low:{form}}, {self.high:{form}}]" if self.low else "–"


def _cell(text: str) -> str:
    """Return text that neither ends its cell nor its row."""
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())


def _filled(template: str, record: Record) -> str:
    values: Record = {key: _Value(value) for key, value in record.items()}
    for low in [key for key in values if key.endswith("_lo")]:
        name = low.removesuffix("_lo")
        values[f"{name}_ends"] = _Interval(values[low], values[f"{name}_hi"])
    try:
        return _cell(template.format_map(values))
    except KeyError:
        return ""
