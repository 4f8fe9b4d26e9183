"""A trained policy in one folder: everything that its test episodes need.

    cell.json               what acts, where, and how; SHA-256 of every other file
    model.safetensors       the model, with its settings in model.json
    distance.safetensors    the look-up's distance, with its settings in distance.json
    demos.hdf5              the demonstrations that are looked up in

A method that does without one of them has no such file. `cell.json` is written last: a folder that
has one is whole.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Any

from fist.data.episodes import Episodes, save_episodes
from fist.evaluation.episode_results import EpisodeRow, Labels
from fist.evaluation.evaluate import Lookup, PolicySpec, Trial, evaluate
from fist.evaluation.rollout import RolloutSettings
from fist.methods.base import Policy, class_named, is_trusted, name_of
from fist.methods.distance import Distance
from fist.stage.files import read_json, reason, replacing_in, sha256, write_json
from fist.stage.settings import Count, Line, Natural, settings
from fist.training.checkpoint import CheckpointError, load_model, read_twin, save_model

FORMAT = 2
"""Number of this layout of the folder."""
CELL = "cell.json"
TWINS = {"model": ".json", "distance": ".json", "demos": ".hdf5"}
"""The files that a policy acts with, and the suffix of the file that each comes with."""


@settings
class Operator:
    """What demonstrates other orders of a task, on the spot."""

    order_argument: str
    """Argument of the environment that takes the order, a list of subtasks."""
    generator: str
    """Function (path, order, episodes, seed, **arguments) that writes demonstrations of an order,
    module:function."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """More of its arguments."""


@settings
class Cell:
    """What `cell.json` says; files are named within the folder."""

    format: int
    labels: Labels
    env_id: str
    env_kwargs: dict[str, Any]
    method: str
    """Class of the policy."""
    act: dict[str, Any] | None
    """Its settings."""
    lookup: Lookup
    n_demos: Count
    rollout: RolloutSettings
    files: dict[str, str]
    """SHA-256 of every file."""
    model: str | None = None
    distance: str | None = None
    demos: str | None = None
    wrappers: list[dict[str, Any]] = field(default_factory=list)
    task: Natural | None = None
    about: Line = ""
    """What it has learnt from, for people."""
    operator: Operator | None = None


def export_policy(
    folder: Path,
    trial: Trial,
    slim: bool = False,
    about: str = "",
    operator: Operator | None = None,
) -> None:
    """Copy the files of a trial into a folder, the models in the safetensors format.

    Args:
        folder: where to; an earlier export is replaced once this one is whole.
        trial: what acts, where, and on which episodes it is tested.
        slim: leave out what only training needs; it acts as before, and cannot be trained on.
        about: what it has learnt from, for people.
        operator: what demonstrates other orders, see `Operator`.

    Raises:
        FileNotFoundError, CheckpointError, DataError: a file is missing or damaged.
    """
    with replacing_in(folder, CELL) as new:
        _export(new, trial, slim, about, operator)


def _export(folder: Path, trial: Trial, slim: bool, about: str, operator: Operator | None) -> None:
    spec, policy = trial.spec, trial.policy()
    index = policy.index
    files: dict[str, Path] = {}
    for name, cls in (("model", spec.method.Model), ("distance", Distance)):
        if (source := getattr(spec, name)) is not None:
            files[name] = folder / f"{name}.safetensors"
            model = load_model(source, cls)
            model = spec.method.slim(model) if slim and name == "model" else model
            save_model(files[name], model, read_twin(source).provenance)
    twins = [path.with_suffix(".json") for path in files.values()]
    if index is not None:
        files["demos"] = folder / "demos.hdf5"
        shown = Episodes(index.states, index.actions, index.lengths, scale=policy.action_scale)
        save_episodes(files["demos"], shown)
    cell = Cell(
        format=FORMAT,
        labels=trial.labels,
        env_id=trial.env_id,
        env_kwargs=dict(trial.env_kwargs),
        method=name_of(spec.method),
        act=None if spec.act is None else asdict(spec.act),
        lookup=spec.lookup,
        n_demos=spec.n_demos if index is None else len(index.lengths),
        task=spec.task,
        rollout=trial.rollout,
        wrappers=[*map(dict, trial.wrappers)],
        about=about,
        operator=operator,
        files={path.name: sha256(path) for path in (*files.values(), *twins)},
        **{name: path.name for name, path in files.items()},
    )
    write_json(folder / CELL, asdict(cell))


def read_cell(folder: Path) -> Cell:
    """Read what an exported policy is and check its files; for errors see `load_exported`."""
    path = folder / CELL
    if not path.exists():
        raise FileNotFoundError(f"no {CELL} in {folder}: not an exported policy, or half of one")
    if path.is_symlink():
        raise CheckpointError(f"{path} is a link to another file: copy the folder as it is")
    with _describing(path):
        content = read_json(path)
        if (found := content.get("format")) != FORMAT:
            raise CheckpointError(f"{path}: format {found!r:.40}, expected {FORMAT}")
        cell = Cell(**content)
        for name, digest in cell.files.items():
            plain = Path(name).name == name and name.isprintable()
            if not plain or (folder / name).is_symlink():
                raise CheckpointError(f"{path}: {name!r:.99} is no file of the folder")
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder / name} is missing, {path} lists it")
            if sha256(folder / name) != digest:
                raise CheckpointError(f"{folder / name} is not the file that {path} lists")
        for name, suffix in TWINS.items():
            file = getattr(cell, name)
            for needed in () if file is None else (file, str(Path(file).with_suffix(suffix))):
                if needed not in cell.files:
                    raise CheckpointError(f"{path}: {needed!r:.99} is no file of the folder")
    return cell


def load_exported(folder: Path, trusted: Sequence[str] = ()) -> Trial:
    """Read an exported policy and check its files.

    Args:
        folder: as `export_policy` wrote it.
        trusted: modules or packages beside `fist` that its class and wrappers may come from, and
            beside `d4rl` that its environment and its operator may.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        CheckpointError: a file is not what `cell.json` says, or that is damaged, or names a class
            that is not trusted.
    """
    return trial_of(folder, read_cell(folder), trusted)


def trial_of(folder: Path, cell: Cell, trusted: Sequence[str] = ()) -> Trial:
    """Return what is tested of a policy whose description has been read; see `load_exported`."""
    path = folder / CELL
    with _describing(path):
        method = class_named(cell.method, Policy, trusted)
        act = None if cell.act is None else method.Settings(**cell.act)
        named = {"environment": cell.env_id} if ":" in cell.env_id else {}
        if cell.operator is not None:
            named["operator"] = cell.operator.generator
        for what, name in named.items():
            if not is_trusted(name.rpartition(":")[0], ("d4rl", *trusted)):
                raise CheckpointError(f"{path}: {what} {name!r:.99} is not of a trusted module")
        for told in cell.wrappers:
            if not is_trusted(str(told.get("wrapper")).partition(":")[0], ("fist", *trusted)):
                raise CheckpointError(f"{path}: wrapper {told!r:.99} is not of a trusted module")
        given: dict[str, Any] = {
            name: folder / file for name in TWINS if (file := getattr(cell, name)) is not None
        }
        given |= {"lookup": cell.lookup, "n_demos": cell.n_demos, "task": cell.task}
        spec = PolicySpec(method, act, **given)
        return Trial(cell.labels, cell.env_id, cell.env_kwargs, spec, cell.rollout, cell.wrappers)


@contextmanager
def _describing(path: Path) -> Iterator[None]:
    """While a description is read: CheckpointError where it describes no cell."""
    try:
        yield
    except CheckpointError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: does not describe a cell ({reason(error)})") from error


def evaluate_exported(
    folder: Path, out: Path, episodes: int = 0, trusted: Sequence[str] = ()
) -> list[EpisodeRow]:
    """Test the policy in a folder and write its episodes.csv.

    Args:
        folder: as `export_policy` wrote it; nothing else is read.
        out: the episodes.csv to write.
        episodes: how many; 0 for as many as in the table.
        trusted: as for `load_exported`, whose errors it raises, too.
    """
    trial = load_exported(folder, trusted)
    if episodes:
        trial = replace(trial, rollout=replace(trial.rollout, episodes=episodes))
    return evaluate(out, trial)
