"""Tables as text: CSV for programs, Markdown for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

Record = dict[str, str]
"""One row of a CSV, formatted."""


def csv_table(columns: Sequence[str], records: Sequence[Mapping[str, str]]) -> str:
    """Lay records out as CSV; what a record lacks is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return buffer.getvalue()


def pipe_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay a table out for reading, in Markdown."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)
