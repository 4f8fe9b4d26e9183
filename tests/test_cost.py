"""Laws of the summary of costs."""

import csv
import json

import imageio.v3 as imageio
import pytest
from figure_drawing import draw

from fist.analysis.stage_costs import CostError, slurm_waits, summarise_cost

HEAD = "s\th:m:s\tmax_rss\trule_name\n"


@pytest.fixture
def folders(tmp_path):
    """Three jobs of two stages; one of them was on a GPU."""
    places = [tmp_path / name for name in ("benchmarks", "logs", "results")]
    jobs = [
        ("kitchen/a/skills", 100.0, "train_skills", 90.5, 600, "cpu"),
        ("kitchen/b/skills", 50.0, "train_skills", 49.5, 700, "cuda"),
        ("kitchen/play/x", 20.0, "generate_data", 19.0, 250, None),
    ]
    for name, clock, stage, cpu, memory, device in jobs:
        tsv, log, result = (place / name for place in places)
        for file in (tsv, log, result):
            file.parent.mkdir(parents=True, exist_ok=True)
        tsv.with_suffix(".tsv").write_text(f"{HEAD}{clock}\t0:01\t1.0\t('{stage}',)\n")
        used = f"used {cpu} s of processor time and at most {memory} MB of memory"
        log.with_suffix(".log").write_text(f"10:00:00 something\n10:00:01 {used}\n")
        if device is not None:
            result.with_suffix(".json").write_text(json.dumps({"provenance": {"device": device}}))
    return places


def test_every_job_of_a_stage_counts_and_a_gpu_only_where_there_was_one(folders, tmp_path):
    summarise_cost(*folders, tmp_path / "cost.csv", ["train_skills", "generate_data"])
    with open(tmp_path / "cost.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [list(row.values()) for row in rows] == [
        ["train_skills", "2", "140", "50", "150", "100", "700", ""],
        ["generate_data", "1", "19", "0", "20", "20", "250", ""],
    ]


@pytest.mark.parametrize("file", ["kitchen/play/x.log", "kitchen/play/x.tsv"])
def test_a_job_that_does_not_tell_all_is_left_out_with_a_word(folders, tmp_path, caplog, file):
    for folder in folders[:2]:
        if (folder / file).exists():
            (folder / file).write_text("s\tmax_rss\n1.0\t2.0\n")
    summarise_cost(*folders, tmp_path / "cost.csv")
    assert (tmp_path / "cost.csv").read_text().count("\n") == 1 + 1
    assert "play/x.tsv is left out" in caplog.text


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"a": NaN}', b"[" * 10**5])
def test_a_damaged_checkpoint_is_named(folders, tmp_path, content):
    damaged = folders[2] / "kitchen/a/skills.json"
    damaged.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{damaged}: "):
        summarise_cost(*folders, tmp_path / "cost.csv")


def test_nothing_to_add_up_is_said(tmp_path):
    with pytest.raises(CostError, match="no job has been measured"):
        summarise_cost(tmp_path, tmp_path, tmp_path, tmp_path / "cost.csv")


def test_waiting_counts_for_this_folders_jobs_that_have_begun(tmp_path, monkeypatch):
    lines = [
        f"{tmp_path}|2026-01-01T10:00:00|2026-01-01T10:00:30|rule_train_skills_wildcards_k_0",
        f"{tmp_path}|2026-01-01T10:00:00|2026-01-01T10:01:00|rule_train_skills_wildcards_k_1",
        f"{tmp_path}|2026-01-01T10:00:00|N/A|rule_train_skills_wildcards_k_2",
        "/elsewhere|2026-01-01T10:00:00|2026-01-01T10:09:00|rule_train_skills_wildcards_k_3",
        f"{tmp_path}|2026-01-01T10:00:00|2026-01-01T10:00:05|another",
    ]
    tool = tmp_path / "squeue"
    tool.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert slurm_waits(tmp_path, ["train_skills", "rollout"]) == {"train_skills": 90.0}


def test_the_figure_has_a_panel_for_every_measure_that_is_known(folders, tmp_path):
    table, out = tmp_path / "table.csv", tmp_path / "drawn"
    out.mkdir()
    summarise_cost(*folders, table)
    assert set(draw("cost", out, {"cost": {(): table}}).stage) == {"train_skills", "generate_data"}
    four_panels = imageio.imread(out / "cost.png").shape[0]  # in two rows
    table.write_text(table.read_text().replace(",50,", ",0,"))
    draw("cost", out, {"cost": {(): table}})
    assert imageio.imread(out / "cost.png").shape[0] < four_panels
