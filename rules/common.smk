# What the stages share: the checked configuration and the code that each stage consists of.
import json
import os
import re
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "workflow"))

from configuration import ConfigError, check
from values import flags, listed_files, settings, split_name, typed

# Jobs run the Python that runs Snakemake and the code of this folder, whatever is installed. The
# user's own PYTHONPATH comes last: it may hold the environment of a task.
OWN = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]),
    PYTHONPATH=os.pathsep.join(dict.fromkeys([str(ROOT / "d4rl" / "src"), str(ROOT), *OWN])),
)


# GPUs are counted on the machine that has them: a cluster counts its own.
resource_scopes:
    gpu="local",


# Puts a training on a GPU that is free.
ON_GPU = os.path.relpath(ROOT / "workflow" / "scripts" / "on_gpu.sh")


def config_sources():
    """Return what each source of the configuration holds, in order of merging."""
    own = Path(workflow.basedir, "config", "config.yaml")
    files = dict.fromkeys([own, *map(Path, workflow.configfiles)])
    sources = {
        str(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file): yaml.safe_load(
            file.read_text()
        )
        for file in files
    }
    return sources | {"--config": typed(workflow.config_settings.config)}


try:
    sources = config_sources()
    update_config(config, sources["--config"])
    check(config, sources)
except ConfigError as error:
    raise WorkflowError(f"the configuration cannot be used:\n{error}") from None


wildcard_constraints:
    env="|".join(config["environments"]),
    task="|".join({task for entry in config["environments"].values() for task in entry["tasks"]}),
    method="|".join(config["methods"]),
    table="|".join(config["tables"]),
    policy="bc|goal_bc",
    seed=r"\d+",
    n_demos=r"\d+",
    split=r"mixed|no_[a-z0-9_]+(-[a-z0-9_]+)*",
    without=r"(-no-[a-z0-9_]+(-[a-z0-9_]+)*)?",
    sequence=r"[a-z0-9_]+(-[a-z0-9_]+)*",
    parameters="all|prior|scratch",
    download="|".join(map(re.escape, config["downloads"])) or "none",
    name=r"[A-Za-z0-9._-]+",


# Modules of the library that each script runs; a change in one of them makes its stage run again.
TRAINING = [
    "pipeline",
    "train",
    "optimizer",
    "curve",
    "progress",
    "interrupt",
    "state",
    "networks",
    "data",
    "checkpoint",
    "files",
]
ROLLOUT = [
    "evaluate",
    "rollout",
    "progress",
    "state",
    "policy",
    "retrieval",
    "results",
    "checkpoint",
    "data",
    "files",
]
MODELS = ["skills", "feedback", "distance", "bc", "networks"]
ARCHIVE = ["sources/archive", "data", "files"]
DRAWN = ["checkpoint", "data", "distance", "networks", "files"]
LIBRARY = {
    "download_data": [f"sources/{module}" for module in ("download", "transfer", "pages", "checks")]
    + ["files"],
    "unpack_data": [*ARCHIVE, "sources/release", "sources/pickles"],
    "convert_logs": ["sources/archive", "sources/logs", "files"],
    "convert_minari": ["sources/minari", "sources/logs", "sources/archive", "data", "files"],
    "export_minari": ["sources/minari", "data", "files"],
    "generate_data": ["state", "files"],
    "make_split": ["split", "data", "files"],
    "make_demos": ["split", "data", "files"],
    "train_skills": [*TRAINING, "skills", "feedback"],
    "finetune_skills": [*TRAINING, "skills", "feedback"],
    "train_bc": [*TRAINING, "bc"],
    "finetune_bc": [*TRAINING, "bc"],
    "train_distance": [*TRAINING, "distance"],
    "finetune_distance": [*TRAINING, "distance"],
    "rollout": [*ROLLOUT, *MODELS],
    "export_cell": [*ROLLOUT, *MODELS, "bundle"],
    "evaluate_cell": [*ROLLOUT, *MODELS, "bundle"],
    "render_video": [*ROLLOUT, *MODELS, "video", "trace"],
    "trace_episodes": [*ROLLOUT, *MODELS, "trace"],
    "combine_tables": [
        "experiments",
        "table",
        "comparison",
        "tabular",
        "results",
        "stats",
        "files",
    ],
    "describe_run": ["software", "tabular", "files"],
    "check_claims": ["claims", "comparison", "tabular", "results", "stats", "files"],
    "plot_results": [
        "figures/results",
        "figures/style",
        "comparison",
        "tabular",
        "results",
        "stats",
        "files",
    ],
    "plot_curves": ["figures/curves", "figures/style", "files"],
    "plot_retrieval": ["figures/retrieval", "figures/style", *DRAWN],
    "plot_features": ["figures/retrieval", "figures/style", *DRAWN],
    "summarise_cost": ["cost", "tabular", "files"],
    "plot_cost": ["figures/cost", "figures/style", "files"],
    "plot_coverage": ["figures/maps", "figures/style", "data", "files"],
    "plot_paths": ["figures/maps", "figures/style", "data", "files"],
    "summarise": ["table", "comparison", "tabular", "results", "stats", "files"],
}

# Modules beside the packages of the environments, which all of these may use.
SHARED = ["contact", "recording", "rendering"]


@cache
def code(script, env=None):
    """List a script, then the code it runs; with `env`, also the code of that environment."""
    files = [f"workflow/scripts/{script}.py", "workflow/scripts/_cli.py"]
    files += [f"fist/{module}.py" for module in LIBRARY[script]]
    data = config["environments"][env]["data"].values() if env is not None else ()
    for package in sorted(
        {entry["generator"].rpartition(".")[0] for entry in data if "generator" in entry}
    ):
        folder = Path(ROOT, "d4rl", "src", *package.split("."))
        shared = [folder.parent / f"{name}.py" for name in SHARED]
        sources = [*filter(Path.exists, shared), *sorted(folder.glob("*.py"))]
        files += [file.relative_to(ROOT).as_posix() for file in sources]
    if any("converter" in entry for entry in data):  # it runs the simulator, too
        sources = Path(ROOT, "d4rl", "src").rglob("*.py")
        files += [file.relative_to(ROOT).as_posix() for file in sorted(sources)]
        files = list(dict.fromkeys(files))
    return [os.path.relpath(ROOT / file) for file in files]


def grows(amount):
    """Return a request for a resource that grows with every attempt: amount, then twice that, …

    Amounts of memory are twice what was measured of the largest job (docs/cluster.md), of time many
    times it: nodes are slower, and a job out of time continues where it was.
    """
    return lambda wildcards, attempt: amount * attempt


def environment(wildcards):
    return config["environments"][wildcards.env]


def task(wildcards):
    try:
        return environment(wildcards)["tasks"][wildcards.task]
    except KeyError:
        raise WorkflowError(f"environment {wildcards.env} has no task {wildcards.task}") from None
