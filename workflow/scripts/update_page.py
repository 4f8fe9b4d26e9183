"""Write results into a page: the tables in Markdown that the pipeline made."""

import subprocess
from pathlib import Path

from _cli import main
from fist.analysis.results_page import commit_of, results_block, update

COMMAND = "snakemake -j2 results/settings/settings_table.csv --configfile config/settings.yaml"


def run(
    page: Path = Path("docs/results/settings_table.md"),
    results: Path = Path("results/settings"),
    tables: tuple[str, ...] = ("settings_table",),
    command: str = "",
    commit: str = "",
    check: bool = False,
) -> None:
    """Write results into a page.

    Args:
        page: file with the two markers that the results stand between.
        results: folder of the tables.
        tables: tables to show, in this order; what the paper claims is in `claims`.
        command: command that made the results; by default that of the settings.
        commit: commit at which they were made; by default the present one.
        check: change nothing: fail where the page does not say what the tables say.
    """
    command = command or COMMAND
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = commit or (commit_of(page) if check else "")
    commit = commit or subprocess.check_output(git, text=True).strip()
    update(page, results_block(results, tables, command, commit), check)


if __name__ == "__main__":
    main(run)
