"""Laws of claims that are held against results, and of the table of all experiments."""

import re

import pytest
from made_results import HELD_OUT, MAZE, TASKS, WITH_BASELINES, cells, read, write, write_maze

from fist.analysis.claims import SHOWN, Claim, check_claims
from fist.analysis.tables import COLUMNS, combine, summarise
from fist.evaluation.episode_results import ResultsError


def verdicts(folder, files, *claims):
    """Check claims about fist in all tasks, and return what was found."""
    same = {"text": "so it is", "env": "kitchen", "tasks": tuple(TASKS), "better": "fist"}
    checked = [Claim(**(same | changes)) for changes in claims]
    text = check_claims(checked, files, folder / "claims.csv")
    assert (folder / "claims.md").read_text() == text
    return read(folder / "claims.csv")


def verdict(folder, files, **changes):
    [record] = verdicts(folder, files, changes)
    return record


def test_a_claim_is_confirmed_or_contradicted_by_five_seeds_that_agree(tmp_path):
    files = cells(tmp_path, seeds=5, fist=3, spirl=2)
    record = verdict(tmp_path, files, worse="spirl")
    assert (record["difference"], record["verdict"]) == ("1.000", "confirmed")
    assert float(record["difference_lo"]) > 0 and float(record["p"]) < 0.05
    record = verdict(tmp_path, files, better="spirl", worse="fist")
    assert (record["difference"], record["verdict"]) == ("-1.000", "contradicted")


@pytest.mark.parametrize("seeds", [1, 4])
def test_fewer_than_five_seeds_decide_nothing_and_their_number_is_told(tmp_path, seeds):
    """Not even all success against all failure."""
    files = cells(tmp_path, seeds, episodes=100, fist=4, spirl=0)
    record = verdict(tmp_path, files, worse="spirl", measure="success")
    told = f"not decided ({seeds} seed{'s' * (seeds > 1)})"
    assert (record["difference"], record["verdict"], record["p"]) == ("1.000", told, "")
    assert record["n_seeds"] == str(seeds) and (record["difference_lo"] == "") == (seeds == 1)


def test_the_method_with_fewer_seeds_says_how_many_there_are(tmp_path):
    files = [*cells(tmp_path, 6, fist=4), *cells(tmp_path, 3, spirl=0)]
    assert verdict(tmp_path, files, worse="spirl")["verdict"] == "not decided (3 seeds)"


def test_a_claim_is_not_decided_where_the_interval_holds_zero_and_more_than_the_margin(tmp_path):
    counted = {"fist": (4, 3, 4, 2), "spirl": (4, 0, 4, 4)}
    files = [
        write(tmp_path, "top_burner", method, seed, counted=numbers)
        for method, numbers in counted.items()
        for seed in range(5)
    ]
    record = verdict(tmp_path, files, worse="spirl", tasks=("top_burner",))
    assert float(record["difference_lo"]) < 0 < float(record["difference_hi"])
    assert record["verdict"] == "not decided"


@pytest.mark.parametrize("measure", ["subtasks", "success"])
def test_methods_that_are_equal_in_enough_runs_are_equivalent(tmp_path, measure):
    """A tie is a result: twelve runs of each. Five could be alike by chance."""
    for seeds, expected in ((12, "equivalent"), (5, "not decided")):
        files = cells(tmp_path, seeds, episodes=50, fist=4, spirl=4)
        record = verdict(tmp_path, files, worse="spirl", measure=measure)
        assert (record["difference"], record["verdict"]) == ("0.000", expected)


def test_a_claim_can_name_a_score(tmp_path):
    files = cells(tmp_path, seeds=5, fist=3)
    assert verdict(tmp_path, files, at_least=2)["verdict"] == "confirmed"
    assert verdict(tmp_path, files, at_least=4)["verdict"] == "contradicted"


def test_runs_are_paired_by_training_seed_and_episodes_by_test_seed(tmp_path):
    """Where both methods vary alike, their difference does not; in other episodes it may."""
    widths = []
    for first_test_seed in ("100", "500"):
        files = []
        for seed in range(5):
            counted = [3 * (i % 2) for i in range(40)]
            files.append(write(tmp_path, method="spirl", seed=seed, counted=counted))
            files.append(write(tmp_path, seed=seed, counted=[n + 1 for n in counted]))
            text = files[-1].read_text().replace(",1000", f",{first_test_seed}0")
            files[-1].write_text(text)
        record = verdict(tmp_path, files, worse="spirl", tasks=("top_burner",))
        assert record["difference"] == "1.000"
        widths.append(float(record["difference_hi"]) - float(record["difference_lo"]))
    assert widths[0] < 0.8 * widths[1]


def test_the_more_claims_there_are_the_more_each_needs(tmp_path):
    """Holm: the p-values count as often as there are claims left, and never fall."""
    files = cells(tmp_path, seeds=5, fist=4, spirl=3, bc=1)
    claims = [{"worse": "spirl"}, {"worse": "bc"}, {"better": "bc", "worse": "spirl"}]
    alone = [float(verdict(tmp_path, files, **claim)["p"]) for claim in claims]
    together = [float(record["p"]) for record in verdicts(tmp_path, files, *claims)]
    (smallest, first), (middle, second), (_, third) = sorted(zip(alone, range(3), strict=True))
    assert together[first] == pytest.approx(3 * smallest, rel=0.1)
    assert together[second] == pytest.approx(2 * middle, rel=0.1)
    assert together[third] >= together[second]


def test_the_claims_are_written_for_programs_and_for_people(tmp_path):
    record = verdict(tmp_path, cells(tmp_path, seeds=5, fist=3, spirl=2), worse="spirl")
    line = (tmp_path / "claims.md").read_text().splitlines()[2]
    low, high = (float(record[f"difference_{end}"]) for end in ("lo", "hi"))
    assert "fist 3.00" in line and f"+1.00 [{low:+.2f}, {high:+.2f}]" in line
    assert line.rstrip(" |").endswith("confirmed")


def test_whatever_a_claim_says_it_is_one_row_of_the_table(tmp_path):
    files = cells(tmp_path, fist=3)
    for text in ("a | b", "two\nlines\r\n\tand more", "a \\| b", "{mean} of {0} 100 %"):
        verdict(tmp_path, files, at_least=2, text=text)
        head, rule, row, *rest = (tmp_path / "claims.md").read_text().splitlines()
        assert rest[0] == "" and len(row) == len(head) == len(rule)
        cells_of_row = re.split(r"(?<!\\)(?:\\\\)*\|", row)
        assert len(cells_of_row) == len(SHOWN) + 2
        assert read(tmp_path / "claims.csv")[0]["claim"] == text


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
    assert rows[0]["success_rate_lo"] == "0.000" and rows[4]["episode_length"] == "1150.500"
    assert rows[4]["subtasks_ordered"] == "" and rows[4]["paper_success"] == "0.99"


def test_a_table_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="kitchen.csv"):
        combine({"kitchen": tmp_path / "kitchen.csv"}, {"kitchen": "kitchen"}, tmp_path / "all.csv")


def test_no_claims_make_a_table_without_rows(tmp_path):
    """A configuration need not claim anything; its report has a table of claims all the same."""
    assert check_claims([], [], tmp_path / "claims.csv").startswith("| claim")
    assert read(tmp_path / "claims.csv") == []
