"""Write the results into README.md: the tables in Markdown that the pipeline made."""

import subprocess
from pathlib import Path

from _cli import main
from fist.analysis.readme import commit_of, results_block, update


def run(
    readme: Path = Path("README.md"),
    results: Path = Path("results"),
    tables: tuple[str, ...] = ("kitchen_table",),
    command: str = "make results",
    commit: str = "",
    check: bool = False,
) -> None:
    """Write the results into README.md.

    Args:
        readme: file with the two markers that the results stand between.
        results: folder of the tables.
        tables: tables to show, in this order; what the paper claims is in `claims`.
        command: command that made the results.
        commit: commit at which they were made; by default the present one.
        check: change nothing: fail where the file does not say what the tables say.
    """
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = commit or (commit_of(readme) if check else "")
    commit = commit or subprocess.check_output(git, text=True).strip()
    update(readme, results_block(results, tables, command, commit), check)


if __name__ == "__main__":
    main(run)
