"""Set methods against settings, as CSV and as Markdown, and print the Markdown."""

from pathlib import Path

from pydantic import TypeAdapter

from _cli import main
from fist.analysis.overview import Setting, overview
from fist.stage.files import parse_json


def run(settings: Path, out: Path) -> str:
    """Set methods against settings.

    Args:
        settings: JSON file with a list of the fields of `fist.analysis.overview.Setting`.
        out: CSV file to write; the Markdown goes beside it.
    """
    entries = parse_json(settings.read_text(), "--settings", list)
    return overview(TypeAdapter(list[Setting]).validate_python(entries), out)


if __name__ == "__main__":
    print(main(run))
