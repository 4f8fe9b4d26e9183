"""Laws of the results table."""

import re
from dataclasses import replace

import numpy as np
import pytest
from made_results import (
    HELD_OUT,
    MAZE,
    TASKS,
    WITH_BASELINES,
    episode,
    read,
    write,
    write_all,
    write_maze,
)

from fist.analysis.intervals import mean
from fist.analysis.tables import COLUMNS, summarise
from fist.evaluation.episode_results import Labels, ResultsError, collect, write_episodes_csv
from fist.stage.text import markdown, page


def test_a_hand_made_cell(tmp_path):
    files = [
        write(tmp_path, seed=0, counted=(4, 3, 4, 2)),
        write(tmp_path, seed=1, counted=(1, 0, 4, 4)),
    ]
    summarise(files, tmp_path / "table.csv", HELD_OUT, {"top_burner/fist/subtasks": 3.6})
    [record] = read(tmp_path / "table.csv")
    assert float(record["subtasks_ordered_lo"]) < 2.75 < float(record["subtasks_ordered_hi"])
    expected = {
        "task": "top_burner",
        "held_out": "top_burner",
        "method": "fist",
        "n_seeds": "2",
        "n_episodes": "8",
        "subtasks_ordered": "2.750",
        "subtasks_any_order": "2.750",
        "success_rate": "0.500",
        "rate_kettle": "0.750",
        "rate_light_switch": "0.500",
        "rate_microwave": "0.875",
        "rate_top_burner": "0.625",
        "paper_subtasks": "3.6",
        "data_source": "generated",
    }
    told = {k: v for k, v in record.items() if v and not k.endswith(("_lo", "_hi"))}
    assert told == expected


def test_the_columns_are_those_of_the_schema_in_order(tmp_path):
    summarise(write_all(tmp_path), tmp_path / "table.csv", HELD_OUT)
    assert (tmp_path / "table.csv").read_text().splitlines()[0] == (
        "task,method,held_out,n_seeds,n_episodes,subtasks_ordered,subtasks_ordered_lo,"
        "subtasks_ordered_hi,subtasks_any_order,success_rate,success_rate_lo,success_rate_hi,"
        "episode_length,episode_length_lo,episode_length_hi,action_change,failures,against,"
        "difference,difference_lo,difference_hi,improvement,improvement_lo,improvement_hi,"
        "paper_subtasks,paper_success,paper_length,data_source,rate_hinge_cabinet,rate_kettle,rate_light_switch,rate_microwave,"
        "rate_slide_cabinet,rate_top_burner"
    )


def test_the_rates_of_a_task_add_up_to_its_ordered_score(tmp_path):
    summarise(write_all(tmp_path), tmp_path / "table.csv", HELD_OUT)
    for record in read(tmp_path / "table.csv"):
        rates = [float(v) for k, v in record.items() if k.startswith("rate_") and v]
        assert len(rates) == 4
        assert sum(rates) == pytest.approx(float(record["subtasks_ordered"]), abs=2e-3)


def test_the_interval_is_that_of_the_mean_over_seeds_and_episodes(tmp_path):
    files = write_all(tmp_path)
    summarise(files, tmp_path / "table.csv", HELD_OUT)
    scores = [float(row["subtasks_ordered"]) for file in files[:2] for row in read(file)]
    low, high = mean(np.reshape(scores, (1, 2, 20)), 4.0).ends()
    record = read(tmp_path / "table.csv")[0]
    assert record["subtasks_ordered_lo"] == f"{low:.3f}"
    assert record["subtasks_ordered_hi"] == f"{high:.3f}"


def test_with_one_training_seed_there_is_no_interval(tmp_path):
    text = summarise(
        [write(tmp_path), write(tmp_path, method="spirl")],
        tmp_path / "table.csv",
        HELD_OUT,
        settings=WITH_BASELINES,
    )
    record = read(tmp_path / "table.csv")[0]
    blank = [name for name in record if name.endswith(("_lo", "_hi"))]
    assert len(blank) == 10 and {record[name] for name in blank} == {""}
    assert record["subtasks_ordered"] == "3.250" and record["difference"] == "0.000"
    assert record["against"] == "spirl" and record["improvement"] == ""
    assert "| **3.25** – " in text and "[" not in text


def test_adding_a_method_changes_no_other_row(tmp_path):
    files = write_all(tmp_path)
    summarise(files, tmp_path / "all.csv", HELD_OUT)
    summarise([f for f in files if "fist" in f.parts], tmp_path / "fist.csv", HELD_OUT)
    everything = (tmp_path / "all.csv").read_text().splitlines()
    expected = [everything[0], *(line for line in everything if ",fist," in line)]
    assert (tmp_path / "fist.csv").read_text().splitlines() == expected


def test_the_same_files_give_the_same_bytes(tmp_path):
    files = write_all(tmp_path)
    for name in ("a", "b"):
        summarise(files, tmp_path / f"{name}.csv", HELD_OUT)
    for suffix in ("csv", "md"):
        a, b = (tmp_path / f"{name}.{suffix}" for name in ("a", "b"))
        assert a.read_bytes() == b.read_bytes()


def test_the_markdown_twin_is_returned_and_tells_the_same(tmp_path):
    markdown = summarise(
        write_all(tmp_path), tmp_path / "table.csv", HELD_OUT, {"top_burner/fist/subtasks": 3.6}
    )
    assert (tmp_path / "table.md").read_text() == markdown
    lines = markdown.split("\n\n")[0].splitlines()
    assert [line.split()[1] for line in lines[-2:]] == ["all", "all"]
    assert len({len(line) for line in lines if line.startswith("|")}) == 1
    for record, line in zip(read(tmp_path / "table.csv"), lines[2:], strict=False):
        assert line.startswith(f"| {record['task']}")
        assert f"**{float(record['subtasks_ordered']):.2f}**" in line
        rates = [f"{100 * float(record[f'rate_{name}']):.0f}" for name in TASKS[record["task"]]]
        rates[2] = f"**{rates[2]}**"  # held out
        assert ", ".join(rates) in line
    assert "3.6" in lines[2] and "3.6" not in lines[3]
    assert "Seeds x episodes: 2 x 20. Data: generated." in markdown
    assert "- top_burner: microwave, kettle, top burner, light switch\n" in markdown


def test_the_markdown_fits_a_screen(tmp_path):
    """No line of a table is longer than 120 letters, and no column is empty."""
    kitchen = summarise(
        write_all(tmp_path), tmp_path / "kitchen.csv", HELD_OUT, settings=WITH_BASELINES
    )
    maze = write_maze(tmp_path, [(300, 400), (300, 2001)])
    maze += write_maze(tmp_path / "other", [(300, 400), (300, 2001)], method="spirl")
    settings = replace(MAZE, baselines=("spirl",))
    paper = {"left/fist/success": 0.99, "left/fist/length": 363.87}
    for text in (
        kitchen,
        summarise(maze, tmp_path / "maze.csv", {"left": "left"}, paper, settings),
    ):
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert max(map(len, lines)) <= 120
        columns = zip(*(line.strip("|").split("|") for line in lines), strict=True)
        assert all(any(cell.strip() for cell in cells[2:]) for cells in columns)


def test_what_rows_are_made_from_is_told_row_by_row_where_it_differs(tmp_path):
    files = [
        write(tmp_path, method="fist"),
        write(tmp_path, method="bc", data_source="local", counted=(4, 3)),
    ]
    head, _, first, second = summarise(files, tmp_path / "table.csv", HELD_OUT).splitlines()[:4]
    assert [cell.strip() for cell in head.split("|")][-3:-1] == ["seeds x episodes", "data"]
    assert [cell.strip() for cell in first.split("|")][-3:-1] == ["1 x 4", "generated"]
    assert [cell.strip() for cell in second.split("|")][-3:-1] == ["1 x 2", "local"]


def test_an_average_over_tasks_needs_the_method_on_every_task(tmp_path):
    files = [f for f in write_all(tmp_path) if f.parts[-4:-2] != ("slide_cabinet", "spirl")]
    summarise(files, tmp_path / "table.csv", HELD_OUT)
    rows = read(tmp_path / "table_statistics.csv")
    assert {row["method"] for row in rows if row["task"] == "all"} == {"fist"}


def test_the_statistics_of_a_hand_made_pair_of_methods(tmp_path):
    """Runs of fist score 2.75 on average, 3.25 and 2.25; of spirl 2.25 twice."""
    files = [
        write(tmp_path, seed=0, counted=(4, 3, 4, 2)),
        write(tmp_path, seed=1, counted=(1, 0, 4, 4)),
        *(write(tmp_path, method="spirl", seed=seed, counted=(4, 1, 4, 0)) for seed in (0, 1)),
    ]
    summarise(files, tmp_path / "table.csv", HELD_OUT, settings=WITH_BASELINES)
    fist, spirl = read(tmp_path / "table_statistics.csv")[:2]
    expected = {"measure": "subtasks_ordered", "task": "top_burner", "method": "fist"}
    expected |= {"mean": "2.750", "against": "spirl"}
    expected |= {"difference": "0.500", "improvement": "0.750", "n_seeds": "2", "n_episodes": "8"}
    assert {key: fist[key] for key in expected} == expected
    assert float(fist["difference_lo"]) < 0.5 < float(fist["difference_hi"])
    assert spirl["against"] == spirl["improvement"] == ""


def test_the_strongest_baseline_is_told_for_every_row(tmp_path):
    scores = {("top_burner", "spirl"): 2, ("top_burner", "bc"): 3}
    scores |= {("slide_cabinet", "spirl"): 4, ("slide_cabinet", "bc"): 1}
    files = [write(tmp_path, task, counted=[4, 4, 3, 2]) for task in TASKS]
    references = [write(tmp_path, *cell, counted=[n] * 4) for cell, n in scores.items()]
    arguments = (tmp_path / "table.csv", HELD_OUT)
    summarise(files, *arguments, settings=WITH_BASELINES, references=references)
    rows = [row for row in read(tmp_path / "table_statistics.csv") if row["measure"] != "success"]
    assert [(row["task"], row["method"], row["against"]) for row in rows] == [
        ("top_burner", "fist", "bc"),
        ("slide_cabinet", "fist", "spirl"),
        ("all", "fist", "spirl"),
    ]
    assert [row["method"] for row in read(tmp_path / "table.csv")] == ["fist", "fist"]


def test_the_mean_of_the_statistics_is_that_of_the_table(tmp_path):
    summarise(write_all(tmp_path), tmp_path / "table.csv", HELD_OUT, settings=WITH_BASELINES)
    table, statistics = (read(tmp_path / f"table{end}.csv") for end in ("", "_statistics"))
    of_table = [[row[f"subtasks_ordered{end}"] for end in ("", "_lo", "_hi")] for row in table]
    of_statistics = [[row[f"mean{end}"] for end in ("", "_lo", "_hi")] for row in statistics]
    assert of_statistics[: len(of_table)] == of_table


def test_shorter_is_better_where_lengths_are_compared(tmp_path):
    quick, slow = (
        write_maze(tmp_path / name, [(n, n)] * 2, method=name)
        for name, n in (("fist", 9), ("bc", 99))
    )
    settings = replace(MAZE, baselines=("bc",))
    summarise([*quick, *slow], tmp_path / "table.csv", {"left": "left"}, settings=settings)
    rows = read(tmp_path / "table_statistics.csv")
    row = rows[[row["measure"] for row in rows].index("episode_length")]
    assert (row["mean"], row["difference"], row["improvement"]) == ("9.000", "90.000", "1.000")


def test_a_missing_column_is_named_with_its_file(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text().replace(",test_seed,", ","))
    with pytest.raises(ResultsError, match=r"seed_0/episodes.csv: no column test_seed"):
        summarise([path], tmp_path / "table.csv", HELD_OUT)
    assert not (tmp_path / "table.csv").exists()


def test_an_episode_is_counted_once(tmp_path):
    path = write(tmp_path)
    with pytest.raises(ResultsError, match="episode 0 of top_burner/fist seed 0 is already in"):
        summarise([path, path], tmp_path / "table.csv", HELD_OUT)


def test_a_file_without_episodes_is_refused(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(ResultsError, match="holds no row"):
        collect([path])
    with pytest.raises(ResultsError, match="no results to summarise"):
        collect([])


def test_what_does_not_belong_together_is_refused(tmp_path):
    first = write(tmp_path)
    for changes, error in (
        ({"data_source": "local"}, "different data sources in top_burner/fist: generated; local"),
        ({"counted": (4, 4)}, "different numbers of episodes per seed in top_burner/fist: 2; 4"),
    ):
        other = write(tmp_path, seed=1, **changes)
        with pytest.raises(ResultsError, match=f"{other}, line 2: {error}"):
            collect([first, other])
    elsewhere = write(tmp_path, seed=1, env="pointmaze")
    with pytest.raises(ResultsError, match=f"{elsewhere}: different environments: kitchen"):
        summarise([first, elsewhere], tmp_path / "table.csv", HELD_OUT)


def test_a_task_that_the_table_does_not_know_is_refused(tmp_path):
    files = write_all(tmp_path)
    with pytest.raises(ResultsError, match="no entry for task slide_cabinet"):
        summarise(files, tmp_path / "table.csv", {"top_burner": "top_burner"})


def test_without_subtasks_the_table_still_tells_success(tmp_path):
    rows = [
        replace(episode(i, (), 0), subtasks_ordered=None, subtasks_any_order=None, success=i < 3)
        for i in range(4)
    ]
    labels = Labels("pointmaze", "left", "fist", 0, "generated")
    write_episodes_csv(tmp_path / "episodes.csv", labels, rows)
    summarise([tmp_path / "episodes.csv"], tmp_path / "table.csv", {"left": ""})
    [record] = read(tmp_path / "table.csv")
    assert record["success_rate"] == "0.750"
    assert record["subtasks_ordered"] == record["subtasks_ordered_lo"] == ""


def test_a_hand_made_cell_of_a_maze(tmp_path):
    """Failures count with their length."""
    files = write_maze(tmp_path, [(300, 400, 300, 2001), (350, 350, 400, 400)])
    paper = {"left/fist/success": 0.99, "left/fist/length": 363.87}
    summarise(files, tmp_path / "table.csv", {"left": "left"}, paper, MAZE)
    [record] = read(tmp_path / "table.csv")
    low, high = float(record["success_rate_lo"]), float(record["success_rate_hi"])
    assert low < 0.875 < high == 1.0
    expected = {
        "task": "left",
        "method": "fist",
        "held_out": "left",
        "n_seeds": "2",
        "n_episodes": "8",
        "success_rate": "0.875",
        "episode_length": "562.625",
        "paper_success": "0.99",
        "paper_length": "363.87",
        "data_source": "generated",
    }
    told = {k: v for k, v in record.items() if v and not k.endswith(("_lo", "_hi"))}
    assert told == expected
    assert (tmp_path / "table.md").read_text().startswith("| section |")


def test_the_columns_of_a_maze_are_those_of_every_table(tmp_path):
    files = write_maze(tmp_path, [(300, 400)])
    summarise(files, tmp_path / "table.csv", {"left": "left"}, settings=MAZE)
    assert (tmp_path / "table.csv").read_text().splitlines()[0] == ",".join(COLUMNS)


def test_the_page_has_the_table_of_the_markdown_and_text_stays_text():
    columns = {"method": "{method}", "score": "**{mean:.2f}** {mean_ends:.1f}", "left": "{left}"}
    told = {"mean": "0.5", "mean_lo": "0.25", "mean_hi": "1"}
    records = [told | {"method": "a<b|c"}, {"method": "other"}]
    shown = page("of <two>", columns, records, ["**Bold** & plain."])
    heads, *rows = re.findall(r"<tr>(.*?)</tr>", shown)
    assert re.findall(r"<th.*?>(.*?)</th>", heads) == ["method", "score"]
    cells = [re.findall(r"<td>(.*?)</td>", row) for row in rows]
    assert cells == [["a&lt;b|c", "<b>0.50</b> [0.2, 1.0]"], ["other", ""]]
    assert "<title>of &lt;two&gt;</title>" in shown
    assert "<p><b>Bold</b> &amp; plain.</p>" in shown
    assert markdown(columns, records).count("\n") == 3
    assert "<tbody>" in page("empty", {"method": "{method}"}, [{}], [])


def test_a_row_counts_how_episodes_failed_and_how_actions_changed(tmp_path):
    told = [("stuck", 0.1), ("", 0.3), ("lost", 0.2), ("stuck", 0.2)]
    rows = [
        replace(
            episode(i, TASKS["top_burner"], 4),
            success=not how,
            failure=how,
            action_change=change,
        )
        for i, (how, change) in enumerate(told)
    ]
    labels = Labels("kitchen", "top_burner", "fist", 0, "generated")
    write_episodes_csv(tmp_path / "episodes.csv", labels, rows)
    text = summarise([tmp_path / "episodes.csv"], tmp_path / "table.csv", HELD_OUT)
    [record] = read(tmp_path / "table.csv")
    assert (record["failures"], record["action_change"]) == ("stuck 2; lost 1", "0.200")
    assert "| stuck 2; lost 1 |" in text
