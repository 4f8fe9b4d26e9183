"""Score against processor time: the default recipe and the paper's, whole, shortened and changed.

Every point is a run of the pipeline with FIST alone, in which all training (skills and distance, on
play and on demonstrations) is a share of what the recipe asks for. Then come variants, each the
default recipe with one choice made differently. A point's score is the mean number of sub-tasks in
order over training seeds and validation episodes, its cost the processor minutes of all training of
one seed. The data are the files of config/real.yaml: on 22 episodes of play the paper's recipe,
which counts in passes over the data, ends within minutes.

    python benchmarks/frontier.py --local-dir data/real
    python benchmarks/frontier.py --local-dir data/real --seeds 0 1 2 3 --shares 1 0.5 --variants
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import tyro
import yaml
from matplotlib.ticker import ScalarFormatter
from snakemake.utils import update_config

from fist.analysis.figures.style import legend, looks, panels, save

ROOT = Path(__file__).resolve().parents[1]
RECIPES = {"default": (), "paper": ("config/paper.yaml",)}
"""Configuration files of each recipe, on top of config/config.yaml and below config/real.yaml."""
VARIANTS: dict[str, dict[str, Any]] = {
    "no phase": {"model": {"phase": False}},
    "batches of 64": {"train": {"batch_size": 64}, "finetune": {"batch_size": 64}},
    "half as wide": {"model": {"hidden": 64}},
    "constant rate": {"train": {"schedule": "constant"}, "finetune": {"schedule": "constant"}},
    "states as they are": {"model": {"normalise": False}},
    "no feedback": {"model": {"feedback": 0.0}},
}
"""What each variant of the default recipe changes in the settings of the skills."""
VALIDATION_SEED = 300_000
"""First seed of the episodes: neither tests nor the choice of the default recipe used these."""


@dataclass
class Arguments:
    """What is run."""

    local_dir: Path
    """Folder of the two files that config/real.yaml names."""
    shares: tuple[float, ...] = (1.0, 0.5, 0.25, 0.125)
    """Shares of each recipe's gradient steps."""
    variants: tuple[str, ...] = tuple(VARIANTS)
    """Variants of the default recipe to try."""
    seeds: tuple[int, ...] = (0, 1)
    """Training seeds."""
    episodes: int = 50
    """Validation episodes of each seed."""
    jobs: int = 2
    """Jobs at a time."""
    out: Path = Path("results/frontier")
    """Folder of the runs, the table and the figure."""


def shortened(recipe: dict[str, Any], share: float) -> dict[str, Any]:
    """Return the settings that make all training of a recipe that share of what it is."""
    models = {name: recipe["models"][name] for name in ("skills", "distance")}
    return {
        "models": {
            name: {
                part: {"steps": max(1, round(share * model[part]["steps"]))}
                if model[part]["steps"]
                else {"epochs": share * model[part]["epochs"]}
                for part in ("train", "finetune")
            }
            for name, model in models.items()
        }
    }


def point(args: Arguments, recipe: str, share: float = 1, variant: str = "") -> dict[str, object]:
    """Run the pipeline with a share or a variant of a recipe; return its cost and its score."""
    results = args.out / (variant.replace(" ", "_") or f"{recipe}_{share:g}")
    files = ["config/config.yaml", *RECIPES[recipe]]
    settings: dict[str, Any] = {}
    for file in files:
        update_config(settings, yaml.safe_load((ROOT / file).read_text()))
    changes = shortened(settings, share) | {
        "seeds": list(args.seeds),
        "local_dir": str(args.local_dir.resolve()),
        "tables": {"kitchen_table": {"methods": ["fist"]}},
        "rollout": {"episodes": args.episodes, "first_test_seed": VALIDATION_SEED},
        "pathvars": {
            "results": str(results),
            "data": str(args.out / "data"),
            "logs": str(results / "logs"),
            "benchmarks": str(results / "benchmarks"),
        },
    }
    if variant:
        update_config(changes, {"models": {"skills": VARIANTS[variant]}})
    results.mkdir(parents=True, exist_ok=True)
    override = results / "changes.yaml"
    override.write_text(yaml.safe_dump(changes))
    command = [sys.executable, "-m", "snakemake", f"{results}/kitchen_table.csv"]
    command += [f"{results}/cost.csv", f"-j{args.jobs}", "--quiet", "all", "--configfile"]
    command += [*RECIPES[recipe], "config/real.yaml", str(override)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    row = pd.read_csv(results / "kitchen_table.csv").iloc[0]
    cost = pd.read_csv(results / "cost.csv")
    training = cost[cost.stage.str.startswith(("train_", "finetune_"))]
    return {
        "recipe": variant or recipe,
        "share": share,
        "cpu_minutes": training.cpu_s.sum() / len(args.seeds) / 60,
        "subtasks": row.subtasks_ordered,
        "lo": row.subtasks_ordered_lo,
        "hi": row.subtasks_ordered_hi,
        "n_seeds": len(args.seeds),
        "n_episodes": args.episodes,
    }


def main(args: Arguments) -> None:
    """Print the table, and draw it."""
    if unknown := set(args.variants) - VARIANTS.keys():
        sys.exit(f"no variants {sorted(unknown)}: there are {list(VARIANTS)}")
    args.out = args.out.resolve()
    points = [point(args, recipe, share) for recipe in RECIPES for share in sorted(args.shares)]
    points += [point(args, "default", variant=variant) for variant in args.variants]
    table = pd.DataFrame(points)
    figure, (axis,) = panels(1, size=(4.2, 2.6))
    for recipe, look in looks([*RECIPES, *args.variants]).items():
        rows = table[table.recipe == recipe]
        errors = (rows.subtasks - rows.lo, rows.hi - rows.subtasks)
        axis.errorbar(
            rows.cpu_minutes, rows.subtasks, errors, label=recipe, capsize=2, **look._asdict()
        )
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(ScalarFormatter())
    axis.set_xlabel("processor minutes of training, one seed")
    axis.set_ylabel("sub-tasks in order, of 4")
    legend(figure, [axis])
    save(figure, table, args.out / "frontier.csv")
    print(table.to_markdown(index=False, floatfmt=".2f"))


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
