"""Write the results into README.md, from the CSVs that the pipeline made."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from _cli import main
from fist.analysis.readme import commit_of, results_block, update


@dataclass(frozen=True)
class Arguments:
    readme: Path = Path("README.md")
    """File with the two markers that the results stand between."""
    results: Path = Path("results")
    """Folder of the tables and of claims.csv."""
    config: Path = Path("config/config.yaml")
    """Configuration that names the tables and their tasks."""
    tables: tuple[str, ...] = ("kitchen_table",)
    """Tables to show."""
    command: str = "make results"
    """Command that made the results."""
    commit: str = ""
    """Commit at which they were made; by default the present one."""
    check: bool = False
    """Change nothing: fail where the file does not say what the CSVs say."""


def run(args: Arguments) -> None:
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = args.commit or (commit_of(args.readme) if args.check else "")
    commit = commit or subprocess.check_output(git, text=True).strip()
    config = yaml.safe_load(args.config.read_text())
    block = results_block(args.results, config, args.tables, args.command, commit)
    update(args.readme, block, args.check)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
