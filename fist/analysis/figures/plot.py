"""Draw a figure. A figure is a module with two names:

    NEEDS                  what it draws from: a tuple of the names below, as a literal; it is drawn
                           of every table that has all of these
    draw(files, table)     returns the figure, and the table of what it shows; fails where a file is
                           missing or damaged, by the errors of what reads it

`files` holds the files of every need, by their labels:

    episodes         episodes.csv of the table's methods, by (task, method, seed)
    demonstrations   the same of its methods with different numbers of demonstrations
    curves           learning curves, by (stage, model, group, variant, seed); group and variant are
                     the split of the play data and "", or the task and how it was fine-tuned
    traces           episodes step by step (`fist.evaluation.trace`) of the first training seed, by
                     (task, method, seed)
    look_ups         the same of the first method that looks up
    distances        the distance of the first method that looks up with one, by (task, method)
    play, demos      data sets in D4RL's layout, by (split,) and (task,)
    cost, settings   the table of costs, that of settings, by (); such a figure is of the whole run,
                     and drawn once
    map              no files: the environment says where on a map its state is (`maps`)

`table` describes the table: `measure` (subtasks, success), `paper` (published scores by
task/method), `n_demos` (by method, then task), `episode` (the one that is drawn of those traced,
else the first), and, of the environment, `env_id`, `env_kwargs` and `map`.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from fist.analysis.figures.style import save
from fist.stage.files import parse_json

Files = Mapping[str, Mapping[tuple, Path]]
"""Files by need and label."""
Table = Mapping[str, Any]
"""Description of a table."""


def plot(figure: str, files: Path, out: Path, table: str = "{}") -> None:
    """Draw a figure, as PDF and PNG beside the CSV of what it shows.

    Args:
        figure: name of its module.
        files: JSON file with pairs of label and file for each of the figure's needs.
        out: CSV file to write; the pictures go beside it.
        table: description of the table that it is drawn of, as JSON.
    """
    labelled = {
        need: {tuple(label): Path(file) for label, file in pairs}
        for need, pairs in parse_json(files.read_text(), "--files").items()
    }
    drawn, data = import_module(figure).draw(labelled, parse_json(table, "--table"))
    save(drawn, data, out)
