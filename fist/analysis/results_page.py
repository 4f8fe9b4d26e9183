"""A page of results: the tables that the pipeline wrote, between two markers."""

import re
from collections.abc import Sequence
from pathlib import Path

from fist.evaluation.episode_results import ResultsError
from fist.stage.files import write_text

BEGIN = "<!-- results: begin, written by workflow/scripts/update_page.py -->"
END = "<!-- results: end -->"


def results_block(results: Path, tables: Sequence[str], command: str, commit: str) -> str:
    """Return the results in Markdown, markers included.

    Args:
        results: folder of the tables in Markdown.
        tables: names of those to show, in this order; the claims' is `claims`.
        command: what made them.
        commit: at which state of the repository.

    Raises:
        ResultsError: a table is missing, with the command that makes it; or what would be written
            could not be read again.
    """
    made = f"Made by `{command}` at commit {commit}."
    parts = [BEGIN]
    for name in tables:
        file = results / f"{name}.md"
        if not file.exists():
            raise ResultsError(f"no results at {file}: make them with `snakemake -j2 {file}`")
        parts.append(file.read_text().rstrip())
    text = "\n\n".join([*parts, made, END])
    if (text.count(BEGIN), text.count(END)) != (1, 1) or named_in(text) != (command, commit):
        raise ResultsError(f"{made!r} and the tables cannot be read again: a line, without markers")
    return text


def update(page: Path, block: str, check: bool = False) -> None:
    """Put the block in place of the one between the markers; with `check`, only compare them.

    Raises:
        ResultsError: the file does not have both markers, once each and in this order; or, with
            `check`, it says something else than the block.
    """
    text = page.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ResultsError(f"{page} must have the two lines {BEGIN} and {END}, in this order")
    before, rest = text.split(BEGIN)
    changed = before + block + rest.split(END)[1]
    if check and changed != text:
        raise ResultsError(f"{page} does not say what the results say: update it")
    if changed != text:
        write_text(page, changed)


def named_in(text: str) -> tuple[str, str]:
    """Return the command and the commit that a page's results name, "" where they name none."""
    found = re.search(r"^Made by `(.+)` at commit (\S+)\.\n+" + re.escape(END), text, re.M)
    return (found[1], found[2]) if found else ("", "")
