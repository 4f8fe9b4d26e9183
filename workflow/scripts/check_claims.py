"""Hold the orderings that are claimed against the results, as CSV and as Markdown; print it."""

import json
from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.analysis.claims import Claim, check_claims, describe


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write; the Markdown goes beside it."""
    claims: str
    """The claims, as a JSON list of the fields of `fist.analysis.claims.Claim`."""
    files: tuple[Path, ...]
    """The episodes.csv of every task, method and training seed that the claims name."""


def run(args: Arguments) -> None:
    claims = [Claim(**entry) for entry in json.loads(args.claims)]
    print(describe(check_claims(claims, args.files, args.out)))


if __name__ == "__main__":
    main(Arguments, run, __doc__)
