"""The training stages: from data sets and settings to a checkpoint.

`train` learns a model from play, `finetune` goes on from there with the first few demonstrations.
Both read what the model asks for (`Model.trains_on`, `Model.finetunes_on`), train it in the one
loop, and write a checkpoint, its JSON twin and its learning curve.
"""

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Generator

from fist.data.actions import LABEL, widest
from fist.data.episodes import DataError, Episodes, concatenate, load_episodes
from fist.methods.base import Losses, Material, Model, name_of
from fist.stage.files import fingerprint, sha256
from fist.stage.provenance import code_version
from fist.training.checkpoint import action_scale, load_model, save_model, steps_of
from fist.training.loop import Run, train
from fist.training.play_retrieval import beside, retrieved
from fist.training.settings import Retrieve, TrainSettings
from fist.training.speed import compiles

log = logging.getLogger(__name__)

VALIDATION_BATCH = 1024
"""Windows in the fixed validation batch."""


@dataclass(frozen=True)
class Inputs:
    """The files that a stage reads."""

    play: Path | None = None
    """Play data, HDF5 in D4RL's layout."""
    demos: tuple[Path, ...] = ()
    """Demonstrations, HDF5 in D4RL's layout; a file for every task."""
    init: Path | None = None
    """Checkpoint to start from, in fine-tuning."""
    models: Mapping[str, Path] = field(default_factory=dict)
    """Checkpoints of other models that the model reads, by their names."""


@dataclass(frozen=True)
class Job:
    """Where a training stage writes, and what makes it this run and no other."""

    out: Path
    """Checkpoint to write (.pt); its settings (.json) and learning curve (.csv) go beside it."""
    seed: int = 0
    """Seed of the initial weights, the batches and the noise."""
    resume: Path | None = None
    """Resume file; a run that is stopped continues from it."""
    tensorboard: Path | None = None
    """Folder for TensorBoard's event files."""
    device: str = "auto"
    """Device to train on; "auto" takes a GPU where there is one."""


def train_model(
    model: type[Model], inputs: Inputs, settings: Any, optimisation: TrainSettings, job: Job
) -> None:
    """Train a model on play data.

    Args:
        model: its class.
        inputs: the files that `model.trains_on` names.
        settings: of class `model.Settings`.
        optimisation, job: how it is trained, and where it goes.

    Raises:
        FileNotFoundError, DataError, CheckpointError: a file is missing or cannot be used.
    """
    material = _read(model, model.trains_on, inputs, settings)
    net = _new(model, settings, material, job)
    _fit(net, material, "all", inputs, {}, optimisation, job)


def finetune_model(
    model: type[Model],
    inputs: Inputs,
    n_demos: int,
    part: str,
    optimisation: TrainSettings,
    job: Job,
    settings: Any = None,
    retrieve: Retrieve = "none",
) -> None:
    """Fine-tune a model on the first `n_demos` demonstrations of a task, or of each of several.

    Args:
        model, optimisation, job: as for `train_model`.
        inputs: the checkpoint to start from, and the files that `model.finetunes_on` names.
        n_demos: how many demonstrations are used.
        part: what is trained, one of `model.parts`: "all" of it, or, from "scratch", a new model of
            the same shape that has learnt nothing from play.
        settings: of a model that is not trained on play, and so has no checkpoint to start from.
        retrieve: which windows of play are half of each batch, see `fist.training.play_retrieval`.

    Raises:
        FileNotFoundError, DataError, CheckpointError: a file is missing or cannot be used.
        ValueError: the model has no such part, or there is no play to retrieve.
    """
    if part not in model.parts:
        raise ValueError(f"{model.__name__} has no part {part!r}, only {', '.join(model.parts)}")
    names: tuple[str, ...] = () if retrieve == "none" else ("play",)
    if names and (inputs.play is None or "play" in model.finetunes_on):
        lacks = "needs play (--play)" if inputs.play is None else "has it there: retrieve none"
        raise ValueError(f"to retrieve {retrieve} play, {model.__name__} {lacks}")
    net = None if inputs.init is None else load_model(inputs.init, model)
    settings = settings if net is None else net.settings
    material = _read(model, model.finetunes_on + names, inputs, settings, n_demos)
    read = ((material.demos, inputs.demos), (material.play, (inputs.play,)))
    for name, (data, files) in () if net is None else product(("state_dim", "action_dim"), read):
        expected, found = getattr(net, name), getattr(data, name, None)
        if None not in (expected, found) and expected != found:
            trained = f"{inputs.init} was trained with {expected}"
            raise DataError(f"{', '.join(map(str, files))} has {name} {found}, but {trained}")
    play, judge = material.play, net
    material = replace(material, play=None) if names else material
    if net is None or part == "scratch":
        net = _new(model, settings, material, job)
    more = partial(retrieved, retrieve, judge or net, play) if names and play else None
    choice = {"n_demos": n_demos, "part": part, "retrieve": retrieve}
    _fit(net, material, part, inputs, choice, optimisation, job, more)


def _read(
    model: type[Model], names: tuple[str, ...], inputs: Inputs, settings: Any, n_demos: int = 0
) -> Material:
    """Read what a stage asks for; of the demonstrations, the first few."""
    parts: dict[str, Any] = {"models": {}}
    shortest = model.span(settings) + 1
    for name in names:
        if name == "play":
            assert inputs.play is not None  # every caller gives what the model asks for
            parts[name] = load_episodes(inputs.play, shortest)
        elif name == "demos":
            files = [load_episodes(file, shortest).first(n_demos, file) for file in inputs.demos]
            parts[name] = concatenate(files)
            parts["tasks"] = tuple(task for task, file in enumerate(files) for _ in file.lengths)
        else:
            parts["models"][name] = load_model(inputs.models[name], trusted=(model.__module__,))
    read = {name: parts[name] for name in ("play", "demos") if name in parts}
    known = None if inputs.init is None else action_scale(inputs.init)
    scale = known if inputs.init else widest([episodes.scale for episodes in read.values()])
    files_of = {"play": inputs.play, "demos": ", ".join(map(str, inputs.demos))}
    parts |= {name: episodes.rescaled(scale, files_of[name]) for name, episodes in read.items()}
    return Material(**parts)


def _new(model: type[Model], settings: Any, material: Material, job: Job) -> Model:
    """Make a model with initial weights of the job's seed, and show it the data."""
    with torch.random.fork_rng(devices=[]):  # leaves the global generator alone
        torch.manual_seed(job.seed)
        net = model(settings, material.main.state_dim, material.main.action_dim)
    net.prepare(material)
    return net


def _fit(
    net: Model,
    material: Material,
    part: str,
    inputs: Inputs,
    choice: dict[str, Any],
    optimisation: TrainSettings,
    job: Job,
    retrieve: Callable[[Episodes], Episodes] | None = None,
) -> None:
    """Train, then write the checkpoint with a note of where it came from."""
    best = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(best if job.device == "auto" else job.device)
    training, held_out = material.hold_out(optimisation.validation)
    more = None if retrieve is None else replace(training, demos=None, play=retrieve(training.main))
    net.to(device)
    losses, parameters, apart = net.objective(part)
    groups = apart if apart and optimisation.clip_apart else [parameters]
    steps = optimisation.total_steps(net.items(material, optimisation.validation))
    given: dict[str, Path | None] = {"play": inputs.play, "init": inputs.init, **inputs.models}
    given |= {f"demos {i}" if i else "demos": path for i, path in enumerate(inputs.demos)}
    files = {name: path for name, path in given.items() if path is not None}
    digests = {name: sha256(path) for name, path in files.items()}
    provenance = {
        "seed": job.seed,
        "steps": steps,
        "train": asdict(optimisation),
        "inputs": {name: {"path": str(p), "sha256": digests[name]} for name, p in files.items()},
        "compiled": compiles(optimisation, steps),
        "device": device.type,
        "torch": torch.__version__,
    } | choice
    if (scale := material.main.scale) is not None:
        provenance[LABEL] = asdict(scale)
    name, curve = name_of(type(net)), job.out.with_suffix(".csv")
    decisive = {
        "provenance": provenance | {"inputs": digests},
        "model": [name, asdict(net.settings)],
        "code": code_version("fist.training.stages", name),
    }
    key = fingerprint(decisive)
    run = Run(optimisation, steps, job.seed, key, job.resume, curve, job.tensorboard)
    log.info("%s: %d steps of %d, seed %d", job.out, steps, optimisation.batch_size, job.seed)
    size = optimisation.batch_size
    sample = net.sampler(training, size if more is None else size - size // 2, device)
    if more is not None:
        sample = beside(sample, net.sampler(more, size // 2, device))
    validate = None if held_out is None else _validator(net, losses, held_out)
    kept = train(net, sample, losses, run, groups, validate)
    shutil.rmtree(steps_of(job.out), ignore_errors=True)
    last = {name: value.clone() for name, value in net.state_dict().items()}
    for step, weights in kept.items():
        net.load_state_dict(weights)
        net.conclude(training)
        save_model(steps_of(job.out) / f"{step}.pt", net, provenance | {"steps": step})
    net.load_state_dict(last)
    net.conclude(training)
    save_model(job.out, net, provenance)


def _validator(net: Model, losses: Losses, held_out: Material) -> Callable[[], dict[str, float]]:
    """Return a function that gives the losses on one fixed batch of what is held out."""
    batch = net.sampler(held_out, VALIDATION_BATCH, "cpu")(Generator().manual_seed(0))

    def validate() -> dict[str, float]:
        device = next(net.parameters()).device
        with torch.no_grad():
            terms = losses(*(part.to(device) for part in batch))
            terms = terms | net.measures(*(part.to(device) for part in batch))
        return {name: float(term) for name, term in terms.items()}

    return validate
