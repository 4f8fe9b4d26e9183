"""Laws of the overview: methods against settings."""

import re

import pytest
import torch
from made_results import cells, read, write

from fist.analysis.figures import settings as figure
from fist.analysis.figures.plot import plot
from fist.analysis.overview import Setting, overview
from fist.stage.tensors import write_tensors


@pytest.fixture
def settings(tmp_path):
    """Two settings: in one FIST does all, in the other one SPiRL was not run on every task."""
    for name, seconds in (("play", 60.0), ("demos", 30.0)):
        (tmp_path / f"{name}.log").write_text(
            f"x\n00:00:00 used {seconds:.1f} s of processor time and at most 5 MB of memory\n"
        )
    write_tensors(tmp_path / "a.pt", {"w": torch.zeros(3, 4), "n": torch.zeros(2).long()})
    easy = cells(tmp_path / "easy", fist=4, spirl=2)
    hard = [
        *cells(tmp_path / "hard", fist=1),
        write(tmp_path / "hard", method="spirl", counted=[3] * 4),
    ]
    trained = [tmp_path / "play.log", tmp_path / "demos.log"]
    return [
        Setting(
            "easy",
            tuple(easy),
            told={"fist": "play + look-up"},
            trainings={"fist": [trained, trained[:1]], "spirl": [[tmp_path / "lost.log"]]},
            models={"fist": [tmp_path / "a.pt", tmp_path / "a.pt"]},
        ),
        Setting("hard", tuple(hard)),
    ]


def test_a_row_is_a_method_s_mean_over_the_tasks_of_a_setting(settings, tmp_path):
    text = overview(settings, tmp_path / "out.csv")
    rows = {(row["setting"], row["method"]): row for row in read(tmp_path / "out.csv")}
    assert {key: float(row["score"]) for key, row in rows.items()} == {
        ("easy", "fist"): 4.0,
        ("easy", "spirl"): 2.0,
        ("hard", "fist"): 1.0,
    }
    fist = rows["easy", "fist"]
    assert fist["of"] == "4.000" and fist["told"] == "play + look-up" and fist["n_tasks"] == "2"
    assert float(fist["score_lo"]) < 4 == float(fist["score_hi"])
    assert text == (tmp_path / "out.md").read_text()
    assert re.search(r"\| hard, of 4 \| 1\.00 \[0\.\d+, [23]\.\d+\] \|  +\|", text)  # not SPiRL
    assert re.search(r"\| fist +\| play \+ look-up \| 1\.2 +\|", text)


def test_the_interval_of_tasks_of_other_lengths_ends_at_the_mean_of_their_best(tmp_path):
    files = [
        write(tmp_path, task, seed=seed, counted=[best] * 4)
        for task, best in (("top_burner", 4), ("short", 2))
        for seed in range(2)
    ]
    overview([Setting("both", tuple(files))], tmp_path / "out.csv")
    [row] = read(tmp_path / "out.csv")
    assert float(row["score"]) == float(row["of"]) == float(row["score_hi"]) == 3


def test_costs_are_the_mean_of_the_seeds_and_empty_where_a_log_is_silent(settings, tmp_path):
    overview(settings, tmp_path / "out.csv")
    fist, spirl, hard = read(tmp_path / "out.csv")
    assert float(fist["cpu_minutes"]) == (1.5 + 1.0) / 2 and spirl["cpu_minutes"] == ""
    assert float(hard["cpu_minutes"]) == 0
    assert fist["parameters"] == "24" and spirl["parameters"] == "0"


def test_the_figure_shows_every_score(settings, tmp_path):
    overview(settings, tmp_path / "out.csv")
    drawn, data = figure.draw({"settings": {(): tmp_path / "out.csv"}}, {})
    said = {text.get_text() for text in drawn.axes[0].texts}
    assert {"4.00", "2.00", "1.00"} <= said and len(data) == 3
    (tmp_path / "files.json").write_text('{"settings": [[[], "%s"]]}' % (tmp_path / "out.csv"))
    plot("fist.analysis.figures.settings", tmp_path / "files.json", tmp_path / "drawn.csv")
    assert (tmp_path / "drawn.png").stat().st_size > 1000
