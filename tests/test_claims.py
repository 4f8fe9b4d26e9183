"""Laws of claims that are held against results, and of the table of all experiments."""

import pytest
from made_results import HELD_OUT, MAZE, TASKS, WITH_BASELINES, cells, read, write, write_maze

from fist.analysis.claims import Claim, check_claims
from fist.analysis.tables import COLUMNS, combine, summarise
from fist.evaluation.episode_results import ResultsError


def verdict(folder, files, **changes):
    claim = {"text": "so it is", "env": "kitchen", "tasks": tuple(TASKS), "better": "fist"}
    text = check_claims([Claim(**(claim | changes))], files, folder / "claims.csv")
    assert (folder / "claims.md").read_text() == text
    [record] = read(folder / "claims.csv")
    return record


def test_a_claim_is_confirmed_or_contradicted_where_the_interval_leaves_zero_out(tmp_path):
    files = cells(tmp_path, fist=3, spirl=2)
    record = verdict(tmp_path, files, worse="spirl")
    assert (record["difference"], record["verdict"]) == ("1.000", "confirmed")
    record = verdict(tmp_path, files, better="spirl", worse="fist")
    assert (record["difference"], record["verdict"]) == ("-1.000", "contradicted")


def test_a_claim_is_not_decided_where_the_interval_holds_zero(tmp_path):
    files = [write(tmp_path, method="spirl", counted=(4, 0, 4, 0)), write(tmp_path)]
    record = verdict(tmp_path, files, worse="spirl", tasks=("top_burner",))
    assert float(record["difference_lo"]) < 0 < float(record["difference_hi"])
    assert record["verdict"] == "not decided"
    same = verdict(tmp_path, cells(tmp_path, fist=3, spirl=3), worse="spirl")
    assert (same["difference"], same["verdict"]) == ("0.000", "not decided")


def test_a_claim_can_name_a_score(tmp_path):
    files = cells(tmp_path, fist=3)
    assert verdict(tmp_path, files, at_least=2)["verdict"] == "confirmed"
    assert verdict(tmp_path, files, at_least=3.5)["verdict"] == "contradicted"


def test_the_claims_are_written_for_programs_and_for_people(tmp_path):
    verdict(tmp_path, cells(tmp_path, fist=3, spirl=2), worse="spirl")
    line = (tmp_path / "claims.md").read_text().splitlines()[2]
    assert "fist 3.00" in line and "+1.00 [+1.00, +1.00]" in line and "confirmed" in line


def test_a_claim_without_its_results_or_its_rival_is_refused_by_name(tmp_path):
    files = cells(tmp_path, fist=3)
    with pytest.raises(ResultsError, match="no results of kitchen/top_burner/bc"):
        verdict(tmp_path, files, worse="bc")
    for changes in ({}, {"worse": "bc", "at_least": 2}):
        with pytest.raises(ValueError, match="either what it is better than"):
            verdict(tmp_path, files, **changes)


def test_all_experiments_hold_every_row_of_every_table_in_one_schema(tmp_path):
    summarise(
        cells(tmp_path, fist=3, spirl=2), tmp_path / "kitchen.csv", HELD_OUT, {}, WITH_BASELINES
    )
    maze = write_maze(tmp_path / "maze", [(300, 2001)])
    summarise(maze, tmp_path / "maze.csv", {"left": "left"}, {"left/fist/success": 0.99}, MAZE)
    tables = {name: tmp_path / f"{name}.csv" for name in ("kitchen", "maze")}
    out = tmp_path / "all.csv"
    combine(tables, {"kitchen": "kitchen", "maze": "maze"}, out)
    rows = read(out)
    assert [(row["table"], row["task"], row["method"]) for row in rows] == [
        ("kitchen", "top_burner", "fist"),
        ("kitchen", "slide_cabinet", "fist"),
        ("kitchen", "top_burner", "spirl"),
        ("kitchen", "slide_cabinet", "spirl"),
        ("maze", "left", "fist"),
    ]
    assert list(rows[0])[:-6] == ["table", "env", *COLUMNS]
    for row, of_table in zip(rows, [*read(tables["kitchen"]), *read(tables["maze"])], strict=True):
        rates = dict.fromkeys((name for name in row if name.startswith("rate_")), "")
        expected = {"table": row["table"], "env": row["env"]} | rates | of_table
        assert row == expected
    assert rows[0]["against"] == "spirl" and rows[0]["difference"] == "1.000"
    assert rows[0]["success_rate_lo"] == "0.000" and rows[4]["iqm"] == "0.500"
    assert rows[4]["subtasks_ordered"] == "" and rows[4]["paper_success"] == "0.99"


def test_a_table_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="kitchen.csv"):
        combine({"kitchen": tmp_path / "kitchen.csv"}, {"kitchen": "kitchen"}, tmp_path / "all.csv")


def test_no_claims_make_a_table_without_rows(tmp_path):
    """A configuration need not claim anything; its report has a table of claims all the same."""
    assert check_claims([], [], tmp_path / "claims.csv").startswith("| claim")
    assert read(tmp_path / "claims.csv") == []
