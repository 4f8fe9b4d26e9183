"""Methods against settings: one table of what each method scores where, and what it costs.

A setting is a table of results: tasks, and what is learnt from. A row is a method in a setting; its
score is the mean over the setting's tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from fist.analysis.comparison import ALL, MEASURES, SUBTASKS, scores_of, told
from fist.analysis.stage_costs import seconds_used
from fist.evaluation.episode_results import collect
from fist.stage.columns import Column, write_table
from fist.stage.files import write_text
from fist.stage.tensors import unpack
from fist.stage.text import Record, csv_table, ends, markdown, page

SCHEMA = (
    *(Column(name, str) for name in ("setting", "method", "measure")),
    Column("told", str, optional=True),
    *(Column(name, int, 1) for name in ("n_tasks", "n_seeds", "n_episodes")),
    *(Column(f"score{end}", float, 0, optional=True) for end in ("", "_lo", "_hi")),
    Column("of", float, 0),
    Column("cpu_minutes", float, 0, optional=True),
    Column("parameters", int, 0, optional=True),
    Column("data_source", str),
)
"""Columns of the CSV. `told`: what a method learns from and looks up; `of`: the best score there
is; `cpu_minutes`: of training all models that one seed acts with; `parameters`: of those of one
task, look-up included."""
COLUMNS = tuple(column.name for column in SCHEMA)
NOTE = (
    "Mean number of subtasks in order, or success rate, over the tasks of each setting. "
    "Brackets are 95 % confidence intervals over training seeds and test episodes; – means "
    "that there is one training seed. Empty: not run. What a method is told and its minutes of "
    "training are the most over the settings, as far as they are known."
)


@dataclass(frozen=True)
class Setting:
    """A setting, and the files of what was tested in it."""

    name: str
    files: tuple[Path, ...]
    """The episodes.csv of every task, method and training seed."""
    measure: Literal["subtasks", "success"] = "subtasks"
    """What is scored."""
    told: Mapping[str, str] = field(default_factory=dict)
    """By method, what it is told."""
    trainings: Mapping[str, Sequence[Sequence[Path]]] = field(default_factory=dict)
    """By method, for every training seed, the logs of all trainings of its models."""
    models: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """By method, the checkpoints that it acts with in one task."""


def overview(settings: Sequence[Setting], out: Path) -> str:
    """Write the overview as CSV, Markdown and HTML; return the Markdown.

    Methods that were not run on all tasks of a setting, with equal numbers of seeds and episodes,
    have no row there.

    Raises:
        ResultsError, FileNotFoundError: the results cannot be read or do not fit together.
    """
    records = [record for setting in settings for record in _records(setting)]
    scores: dict[str, Record] = {}
    costs: dict[str, Record] = {}
    shown = {"setting": "{setting}, of {of}"}
    for record in records:
        method, name = record["method"], record["setting"]
        key = f"by_{method}"
        shown[method] = f"{{{key}:.2f}} {ends(key)}"
        of = {"setting": name.replace("_", " "), "of": f"{float(record['of']):g}"}
        row = scores.setdefault(name, of)
        row |= {key + end: record.get(f"score{end}", "") for end in ("", "_lo", "_hi")}
        cost = costs.setdefault(method, {"method": method, "told": "", "minutes": ""})
        cost["told"] = max(cost["told"], record["told"], key=len)
        both = (cost["minutes"], record["cpu_minutes"])
        cost["minutes"] = max(both, key=lambda text: float(text or 0))
    spent = {"method": "{method}", "is told": "{told}", "CPU minutes a seed": "{minutes:.1f}"}
    parts = (markdown(shown, [*scores.values()]), NOTE, markdown(spent, [*costs.values()]))
    text = "\n\n".join(parts) + "\n"
    write_text(out.with_suffix(".md"), text)
    notes = [NOTE]
    for cost in costs.values():
        minutes = f"{float(cost['minutes']):.1f}" if cost["minutes"] else "unknown"
        notes.append(f"{cost['method']} is told {cost['told']}; CPU minutes a seed: {minutes}")
    title = "Settings and methods"
    write_text(out.with_suffix(".html"), page(title, shown, [*scores.values()], notes))
    write_table(out, SCHEMA, csv_table(COLUMNS, records))
    return text


def _records(setting: Setting) -> list[Record]:
    """Return the rows of a setting."""
    measure = MEASURES[setting.measure][0]
    results = collect(setting.files)
    tasks = [*dict.fromkeys(of_one.task for of_one in results)]
    everything = scores_of(results, measure)
    records = []
    for method in dict.fromkeys(of_one.method for of_one in results):
        of_method = [of_one for of_one in results if of_one.method == method]
        pooled = everything.get((ALL if len(tasks) > 1 else tasks[0], method))
        if pooled is None:
            continue
        best = [len(of_one.subtasks) if measure is SUBTASKS else 1 for of_one in of_method]
        record = told("score", pooled.mean())
        record |= {"setting": setting.name, "method": method, "measure": measure.name}
        record |= {"told": setting.told.get(method, ""), "of": f"{np.mean(best):.3f}"}
        record |= {"n_tasks": str(len(tasks)), "n_seeds": str(pooled.each.shape[1])}
        record |= {"n_episodes": str(pooled.each.size), "data_source": of_method[0].data_source}
        record["cpu_minutes"] = _minutes(setting.trainings.get(method, ()))
        record["parameters"] = str(sum(map(_parameters, setting.models.get(method, ()))))
        records.append(record)
    return records


def _minutes(trainings: Sequence[Sequence[Path]]) -> str:
    """Return the mean processor minutes of the seeds' trainings; empty where a log is silent."""
    seconds = [[seconds_used(log) for log in of_seed] for of_seed in trainings]
    if any(one is None for of_seed in seconds for one in of_seed):
        return ""
    return f"{np.mean([sum(filter(None, of_seed)) for of_seed in seconds] or [0.0]) / 60:.3f}"


def _parameters(checkpoint: Path) -> int:
    """Return how many floating-point numbers a checkpoint holds."""
    tensors = unpack(checkpoint.read_bytes()).values()
    return sum(t.numel() for t in tensors if isinstance(t, torch.Tensor) and t.is_floating_point())
