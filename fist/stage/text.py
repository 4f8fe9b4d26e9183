"""Tables as text: CSV for programs, Markdown and HTML for people."""

import html
import re
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
    shown = _shown(columns, records)
    widths = [max(map(len, cells)) for cells in shown]
    lines = [*zip(*shown, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def page(
    title: str, columns: Mapping[str, str], records: Sequence[Record], notes: Sequence[str]
) -> str:
    """Lay the table of `markdown` out as a page of HTML, which is sorted by the column one clicks.

    Args:
        title: what it is called.
        columns: as for `markdown`.
        records: as for `markdown`.
        notes: paragraphs below the table.
    """
    head, *rows = [*zip(*_shown(columns, records), strict=True)] or [()]
    cells = "".join(f'<th tabindex="0">{_html(name)}</th>' for name in head)
    body = ("".join(f"<td>{_html(cell)}</td>" for cell in row) for row in rows)
    return PAGE.format(
        title=html.escape(title),
        head=cells,
        rows="\n".join(f"<tr>{row}</tr>" for row in body),
        notes="\n".join(f"<p>{_html(note)}</p>" for note in notes),
    )


PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 1.5em; color: #222; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 0.25em 0.8em; text-align: left; border-bottom: 1px solid #ddd; }}
th {{ cursor: pointer; border-bottom: 2px solid #444; vertical-align: bottom; }}
th::after {{ content: " \\2195"; color: #bbb; }}
th[data-up="1"]::after {{ content: " \\2191"; color: #222; }}
th[data-up="0"]::after {{ content: " \\2193"; color: #222; }}
p {{ max-width: 60em; }}
</style></head><body>
<h1>{title}</h1>
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table>
{notes}
<script>
const heads = [...document.querySelectorAll("th")];
heads.forEach((head, column) => head.onclick = head.onkeydown = event => {{
  if (event.key && event.key !== "Enter") return;
  const up = head.dataset.up === "0" ? 1 : 0;
  heads.forEach(other => delete other.dataset.up);
  head.dataset.up = up;
  const value = row => {{
    const text = row.cells[column].textContent, number = parseFloat(text);
    return isNaN(number) ? text : number;
  }};
  const order = (a, b) =>
    typeof a === typeof b ? (a > b) - (a < b) : typeof a === "string" ? -1 : 1;
  const body = document.querySelector("tbody");
  body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * order(value(a), value(b))));
}});
</script>
</body></html>
"""


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


def _shown(columns: Mapping[str, str], records: Sequence[Record]) -> list[tuple[str, ...]]:
    """Return the head and the cells of each column that has any."""
    return [
        (_cell(head), *cells)
        for head, template in columns.items()
        if any(cells := [_filled(template, row) for row in records]) or not records
    ]


def _html(text: str) -> str:
    """Return a cell or a paragraph of Markdown, of which only **bold** is known, as HTML."""
    plain = html.escape(re.sub(r"\\([\\|])", r"\1", text))
    return re.sub(r"[*][*](.+?)[*][*]", r"<b>\1</b>", plain)


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
