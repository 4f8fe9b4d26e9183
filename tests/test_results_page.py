"""Laws of the results in a page: they are those of the CSVs, and nothing else changes."""

from pathlib import Path

import pytest
import yaml
from made_results import HELD_OUT, TASKS, WITH_BASELINES, cells, write_maze

from fist.analysis.claims import Claim, check_claims
from fist.analysis.results_page import BEGIN, END, named_in, results_block, update
from fist.analysis.tables import TableSettings, summarise
from fist.evaluation.episode_results import ResultsError

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "results").glob("*.md"))
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    files = cells(folder, fist=3, spirl=2)
    paper = {"top_burner/fist/subtasks": 3.6}
    summarise(files, folder / "kitchen_table.csv", HELD_OUT, paper, WITH_BASELINES)
    settings = TableSettings("success", "section", ("spirl",))
    maze = write_maze(folder / "maze", [(300, 2001)])
    summarise(maze, folder / "maze_table.csv", {"left": "left"}, {}, settings)
    claim = Claim("FIST does more", "kitchen", tuple(TASKS), "fist", "spirl")
    check_claims([claim], files, folder / "claims.csv")
    return folder


def block(results, commit="abc123", tables=("kitchen_table", "maze_table", "claims")):
    return results_block(results, tables, "make results", commit)


def lines_with(text, *words):
    return [line for line in text.splitlines() if all(word in line for word in words)]


def test_the_tables_and_the_claims_stand_there_as_the_pipeline_wrote_them(results):
    for name in ("kitchen_table", "maze_table", "claims"):
        assert (results / f"{name}.md").read_text().rstrip() in block(results)
    [line] = lines_with(block(results), "| top_burner", "| fist")
    assert "**3.00** [" in line and "+1.00 [-1.32, +3.33] (spirl)" in line
    assert "100, 100, **100**, 0" in line and "| 3.6 " in line


def test_commit_and_command_are_told(results):
    assert "Made by `make results` at commit abc123." in block(results)


def test_only_what_stands_between_the_markers_changes(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Top\n\n{BEGIN}\n\nold\n\n{END}\n\nbelow\n")
    update(page, block(results))
    text = page.read_text()
    assert text == f"# Top\n\n{block(results)}\n\nbelow\n"
    assert named_in(text) == ("make results", "abc123")
    update(page, block(results))
    assert page.read_text() == text


def test_a_check_fails_where_the_page_says_something_else(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(block(results))
    update(page, block(results), check=True)
    text = page.read_text().replace("3.00", "3.99")
    page.write_text(text)
    with pytest.raises(ResultsError, match="page.md does not say what the results say"):
        update(page, block(results), check=True)
    assert page.read_text() == text


def test_missing_markers_and_missing_results_are_told(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Top\n")
    with pytest.raises(ResultsError, match="must have the two lines <!-- results: begin"):
        update(page, block(results))
    with pytest.raises(ResultsError, match="make them with `snakemake -j2 .*maze_sections.md`"):
        block(results, tables=("maze_sections",))


@pytest.mark.parametrize("commit", ["", "c d", "x\n## Forged"])
def test_what_could_not_be_read_again_is_not_written(results, commit):
    with pytest.raises(ResultsError, match="cannot be read again"):
        block(results, commit)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_of_results_can_be_written_again_by_what_it_names(page):
    text = page.read_text()
    assert text.count(BEGIN) == text.count(END) == 1 and text.index(BEGIN) < text.index(END)
    command, commit = named_in(text)
    assert command and commit


def test_the_readme_names_the_steps_of_the_default_recipe():
    text = " ".join((ROOT / "README.md").read_text().split())
    steps = [CONFIG["models"]["skills"][part]["steps"] for part in ("train", "finetune")]
    assert "{:,} steps on play and {:,} on demonstrations".format(*steps) in text
