"""Score against processor time: recipes, in settings that tell them apart.

A recipe is a method of config/config.yaml with some settings changed. It is scored in

    held_out   the tasks of kitchen_table: play without the object, fine-tuned on ten demonstrations
    one_model  four new orders, one model fine-tuned on the ten demonstrations of each, together
    new_order  the same orders, ten demonstrations to look up in, and nothing trained on them
    one_demo   the same with a single demonstration

by the mean number of subtasks in order, over training seeds and validation episodes; the new
orders and seeds are in no published table. Its cost is the processor time of training all
models of one seed, four splits for `held_out`, one for the others. What has been run lies in --out
and is not run again; several processes may share the work (--recipes, --seeds).

    snakemake -j2 data/kitchen/play/mixed.hdf5 …      (what is missing is named)
    python benchmarks/frontier.py --recipes default "5 blocks" --seeds 0 1 2
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import torch
import tyro
import yaml
from matplotlib.ticker import ScalarFormatter

from fist.analysis.figures.style import legend, looks, panels, save
from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import PolicySpec, Trial, evaluate
from fist.evaluation.rollout import RolloutSettings
from fist.methods.base import Model, Policy, class_named
from fist.methods.distance import Distance
from fist.stage.files import fingerprint
from fist.training.settings import TrainSettings
from fist.training.stages import Inputs, Job, finetune_model, train_model

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "workflow"))

from values import merge  # noqa: E402

CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
KITCHEN = CONFIG["environments"]["kitchen"]
Setting = Literal["held_out", "one_model", "new_order", "one_demo"]
ORDERS = (
    "microwave-kettle-top_burner-bottom_burner",
    "kettle-top_burner-slide_cabinet-hinge_cabinet",
    "microwave-bottom_burner-light_switch-hinge_cabinet",
    "bottom_burner-light_switch-slide_cabinet-hinge_cabinet",
)
"""Orders that play does not contain."""
VALIDATION_SEED = 600_000
"""First seed of the validation episodes."""


def skills(
    model: dict[str, Any] | None = None,
    play: dict[str, Any] | None = None,
    demos: dict[str, Any] | None = None,
    act: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a recipe of FIST's skills with Euclidean look-up, which saves the distance."""
    own = {"model": model or {}, "train": play or {}, "finetune": demos or {}}
    return {"method": "fist_euclidean", "models": {"skills": own}, "rollout": act or {}}


def chunks(
    method: str, play: dict[str, Any] | None = None, act: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a recipe of action chunks, with Euclidean look-up where there is one."""
    own = {"model": {}, "train": play or {}, "finetune": {}}
    lookup = "none" if method == "chunk" else "euclidean"
    methods = {method: {"lookup": lookup}}
    return {"method": method, "methods": methods, "models": {method: own}, "rollout": act or {}}


SAMPLE, MEAN = {"skill": "sample", "replan_every": 5}, {"skill": "mean", "replan_every": 10}
RECIPES: dict[str, dict[str, Any]] = {
    "default": skills(),
    "follow": {"method": "follow"},
    "follow, within 1 step": {"method": "follow", "rollout": {"within": 1.0}},
    "follow, within 5 steps": {"method": "follow", "rollout": {"within": 5.0}},
    "follow, anywhere": {"method": "follow", "rollout": {"within": 1000.0}},
    "track": skills(act={"search": "track"}),
    "sample": skills(act=SAMPLE),
    "demos 1000, sample": skills(demos={"steps": 1000}, act=SAMPLE),
    "demos 1000, mean 10": skills(demos={"steps": 1000}, act=MEAN),
    "demos 2500, sample": skills(demos={"steps": 2500}, act=SAMPLE),
    "demos 2500, mean 10": skills(demos={"steps": 2500}, act=MEAN),
    "play 4000, sample": skills(play={"steps": 4000}, act=SAMPLE),
    "play 4000, mean 10": skills(play={"steps": 4000}, act=MEAN),
    "play 4000, mean 10, rate 2e-3": skills(play={"steps": 4000, "learning_rate": 2e-3}, act=MEAN),
    "play 4000, sample, KL 2e-4": skills({"kl_weight": 2e-4}, {"steps": 4000}, act=SAMPLE),
    "sample, KL 2e-4": skills({"kl_weight": 2e-4}, demos={"steps": 1000}, act=SAMPLE),
    "priors of 3 blocks, mean 10": skills({"prior_blocks": 3}, act=MEAN),
    "LSTM, 5 blocks, play 2000, demos 2500, sample": skills(
        {"encoder": "lstm", "decoder_blocks": 5}, {"steps": 2000}, {"steps": 2500}, SAMPLE
    ),
    "goal chunk": chunks("goal_chunk"),
    "goal chunk, play 8000": chunks("goal_chunk", {"steps": 8000}),
    "chunk": chunks("chunk"),
    "chunk, play 8000": chunks("chunk", {"steps": 8000}),
    "in context": {"method": "in_context"},
    "BC": {"method": "bc"},
    "BC, sample": {"method": "bc", "rollout": SAMPLE},
}
"""What each recipe changes in the configuration, and its method."""


@dataclass
class Arguments:
    """What is run."""

    recipes: tuple[str, ...] = tuple(RECIPES)
    """Recipes to compare."""
    settings: tuple[Setting, ...] = get_args(Setting)
    """Settings to score them in."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Training seeds."""
    episodes: int = 20
    """Validation episodes of each task and seed."""
    data: Path = Path("data/kitchen")
    """Folder of the data sets."""
    out: Path = Path("results/frontier")
    """Folder of the runs, the table and the figure."""


@dataclass
class Run:
    """One recipe and training seed."""

    args: Arguments
    recipe: dict[str, Any]
    seed: int
    costs: dict[Path, float] = field(default_factory=dict)
    """Processor seconds of every training that was asked for."""

    def __post_init__(self) -> None:
        self.config = merge(CONFIG, self.recipe)
        methods = self.config["methods"]
        self.method = dict(methods[self.recipe["method"]])
        while "like" in self.method:
            self.method = methods[self.method.pop("like")] | self.method
        self.policy = class_named(self.method["class"], Policy)

    def score(self, split: str, learn_from: str | None, order: str, n_demos: int) -> float:
        """Return the mean number of subtasks in order of the validation episodes.

        Args:
            split: play that is learnt from.
            learn_from: demonstrations that are learnt from, if any.
            order: the task; its first n_demos demonstrations are looked up in.
        """
        files = {}
        for name, cls in (("model", self.policy.Model), ("distance", Distance)):
            if cls is not None and (name == "model" or self.method.get("lookup") == "distance"):
                files[name] = self.trained(cls, split, learn_from)
        demos = self.demos(order)
        act = self.settings(self.policy.Settings, "rollout")
        spec = PolicySpec(
            self.policy,
            act,
            lookup=self.method.get("lookup", "none"),
            demos=demos if self.policy.looks_up else None,
            n_demos=n_demos,
            **files,
        )
        task = {KITCHEN["order_argument"]: order.split("-")}
        testing = RolloutSettings(self.args.episodes, VALIDATION_SEED)
        which = fingerprint([sorted(map(str, files.values())), repr(act), self.method, n_demos])
        out = self.args.out / f"episodes/{order}/{which[:16]}_{testing.episodes}.csv"
        if not out.exists():
            labels = Labels("kitchen", order, self.recipe["method"], self.seed, "generated")
            evaluate(out, Trial(labels, KITCHEN["env_id"], task, spec, testing))
        return float(pd.read_csv(out).subtasks_ordered.mean())

    def trained(self, cls: type[Model], split: str, learn_from: str | None) -> Path:
        """Return a model that has learnt from play, and from demonstrations if they are named."""
        play = existing(self.args.data / f"play/{split}.hdf5")
        of = self.config["models"][cls.name]
        settings = cls.Settings(**of["model"])
        how = {part: TrainSettings(**(cls.recipe[part] | of[part])) for part in cls.recipe}
        first = self._made(
            f"{cls.name}/{split}",
            [settings, how["train"]],
            lambda job: train_model(cls, Inputs(play=play), settings, how["train"], job),
        )
        if learn_from is None:
            return first
        inputs = Inputs(play, tuple(map(self.demos, learn_from.split("+"))), first)
        return self._made(
            f"{cls.name}/{split}/{fingerprint(learn_from)[:8]}",
            [settings, how["train"], how["finetune"]],
            lambda job: finetune_model(cls, inputs, 10, "all", how["finetune"], job),
        )

    def demos(self, order: str) -> Path:
        """Return the demonstrations of an order."""
        return existing(self.args.data / f"demos/{order}.hdf5")

    def settings(self, cls: type, part: str) -> Any:
        """Return the settings of a class, of those that a part of the configuration holds."""
        known = cls.__dataclass_fields__
        return cls(**{key: value for key, value in self.config[part].items() if key in known})

    def _made(self, place: str, decides: list[Any], train: Callable[[Job], None]) -> Path:
        """Return the checkpoint of a training, made where it is missing, and note its cost."""
        folder = self.args.out / place / fingerprint(list(map(repr, decides)))[:16]
        out = folder / f"seed_{self.seed}.pt"
        cost = out.with_suffix(".cost")
        if not cost.exists():
            folder.mkdir(parents=True, exist_ok=True)
            begin = time.process_time()
            train(Job(out, self.seed))
            cost.write_text(str(time.process_time() - begin))
        self.costs[out] = float(cost.read_text())
        return out


def scores(run: Run, setting: Setting) -> Iterator[float]:
    """Yield a run's score in every task of a setting."""
    if setting == "held_out":
        for name in CONFIG["tables"]["kitchen_table"]["tasks"]:
            task = KITCHEN["tasks"][name]
            order = "-".join(task["order"])
            yield run.score("no_" + "-".join(task["held_out"]), order, order, 10)
        return
    learn_from = "+".join(ORDERS) if setting == "one_model" else None
    for order in ORDERS:
        yield run.score("mixed", learn_from, order, 1 if setting == "one_demo" else 10)


def existing(path: Path) -> Path:
    """Return the path of a data set that is there."""
    if not path.exists():
        sys.exit(f"no data set {path}: make it with snakemake -j2 {path}")
    return path


def point(args: Arguments, name: str, setting: Setting) -> dict[str, Any]:
    """Return the cost and the score of a recipe in a setting."""
    runs = [Run(args, RECIPES[name], seed) for seed in args.seeds]
    found = np.array([list(scores(run, setting)) for run in runs])  # (seeds, tasks)
    return {
        "recipe": name,
        "setting": setting,
        "cpu_minutes": np.mean([sum(run.costs.values()) for run in runs]) / 60,
        "subtasks": found.mean(),
        "of_seeds": " ".join(f"{score:.2f}" for score in found.mean(1)),
        "of_tasks": " ".join(f"{score:.2f}" for score in found.mean(0)),
    }


def main(args: Arguments) -> None:
    """Print the table, and draw it."""
    if unknown := set(args.recipes) - RECIPES.keys():
        sys.exit(f"no recipes {sorted(unknown)}: there are {list(RECIPES)}")
    torch.set_num_threads(1)
    points = []
    for name in args.recipes:
        for setting in args.settings:
            points.append(point(args, name, setting))
            print(json.dumps(points[-1]), flush=True)
    table = pd.DataFrame(points)
    figure, axes = panels(len(args.settings), size=(2.6, 2.6))
    for axis, setting in zip(axes, args.settings, strict=True):
        for recipe, look in looks(args.recipes).items():
            rows = table[(table.recipe == recipe) & (table.setting == setting)]
            axis.plot(rows.cpu_minutes, rows.subtasks, label=recipe, **look._asdict())
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.xaxis.set_minor_formatter(ScalarFormatter())
        axis.set_title(setting.replace("_", " "))
        axis.set_xlabel("processor minutes, one seed")
    axes[0].set_ylabel("subtasks in order, of 4")
    legend(figure, axes)
    save(figure, table, args.out / "frontier.csv")
    print(table.to_markdown(index=False, floatfmt=".2f"))


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
