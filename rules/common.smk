# What the stages share: the checked configuration and the code that each stage consists of.
import hashlib
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
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT)]

from configuration import ConfigError, check
from dependencies import code_of, fingerprint
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


@cache
def code(script, env=None):
    """Return a fingerprint of the code that a script runs; with `env`, also of that environment's.

    As a parameter it makes a stage run again when one of these files has changed.
    """
    return fingerprint(code_of(script, config["environments"][env] if env is not None else None))


def script_file(name):
    """Return where a script is, relative to the folder of the run."""
    return os.path.relpath(ROOT / "workflow" / "scripts" / f"{name}.py")


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
