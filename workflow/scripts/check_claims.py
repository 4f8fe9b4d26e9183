"""Hold the orderings that are claimed against the results, as CSV and as Markdown; print it."""

from pathlib import Path

from _cli import main
from fist.analysis.claims import Claim, check_claims
from fist.stage.files import parse_json


def run(claims: Path, files: tuple[Path, ...], out: Path) -> str:
    """Hold the orderings that are claimed against the results.

    Args:
        claims: JSON file with a list of the fields of `fist.analysis.claims.Claim`.
        files: the episodes.csv of every task, method and training seed that the claims name.
        out: CSV file to write; the Markdown goes beside it.
    """
    entries = parse_json(claims.read_text(), "--claims", list)
    return check_claims([Claim(**entry) for entry in entries], files, out)


if __name__ == "__main__":
    print(main(run))
