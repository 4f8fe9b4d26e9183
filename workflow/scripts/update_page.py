"""Write a page's results: the tables in Markdown that the pipeline made."""

import subprocess
from pathlib import Path

from _cli import main
from fist.analysis.results_page import named_in, results_block, update


def run(
    page: Path,
    results: Path = Path("results"),
    tables: tuple[str, ...] = (),
    command: str = "",
    commit: str = "",
    check: bool = False,
) -> None:
    """Write a page's results.

    Args:
        page: file with the two markers that the results stand between.
        results: folder of the tables.
        tables: tables to show, in this order; by default the one that the page is named after.
        command: command that made the results; by default the one that the page names.
        commit: commit at which they were made; by default the present one.
        check: change nothing: fail where the page does not say what the tables say.
    """
    named, at = named_in(page.read_text())
    if not (command or named):
        raise SystemExit(f"{page} names no command that made its results: say it with --command")
    commit = commit or (at if check else _present())
    update(page, results_block(results, tables or (page.stem,), command or named, commit), check)


def _present() -> str:
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    if git.returncode:
        raise SystemExit(f"no commit ({git.stderr.strip()}): say it with --commit")
    return git.stdout.strip()


if __name__ == "__main__":
    main(run)
