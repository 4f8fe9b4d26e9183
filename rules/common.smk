# What the rules share: the checked configuration, and where jobs find their code.
import json
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import get_args

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

ROOT = Path(str(workflow.current_basedir)).parent

# Jobs run the Python that runs Snakemake and the code of this repository, whatever is installed.
# The user's own PYTHONPATH and the folder of the run come last: they may hold a task or a method.
OWN = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
CODE = list(dict.fromkeys([str(ROOT / "d4rl" / "src"), str(ROOT), *OWN, os.getcwd()]))
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]),
    PYTHONPATH=os.pathsep.join(CODE),
)
sys.path[:0] = [str(ROOT / "workflow"), *CODE[:2]]
sys.path += [path for path in CODE if path not in sys.path]

from configuration import MOST_FAULTS, ConfigError, load
from declarations import declared
from figures import OF_RUN, Figures
from options import Options, bound, named, ordered, pairs
from screen import list_rules, show
from targets import Targets
from values import given_twice

from fist.training.settings import Retrieve

sys.path.remove(str(ROOT / "workflow"))  # a user's module may be called like one of ours


# GPUs are counted on the machine that has them: a cluster counts its own.
resource_scopes:
    gpu="local",


# An importer's configuration goes on top of ours; its files and its --config are its own.
is_module = not workflow.modifier.is_main_snakefile()


def config_sources():
    """Return what each source of the configuration holds, in order of merging."""
    files = [ROOT / "config" / "config.yaml", *(() if is_module else workflow.configfiles)]
    names = [file.relative_to(ROOT) if file.is_relative_to(ROOT) else file for file in files]
    sources = {str(name): load_configfile(file) for name, file in zip(names, files)}
    for name, file in zip(names, files if workflow.is_main_process else ()):
        if key := given_twice(file.read_text()):
            raise ConfigError(f"{name}: `{key[:99]}` is given twice in one place")
    return sources | ({f"the workflow that imports {__name__}": config} if is_module else {})


try:
    arguments = () if is_module else workflow.config_settings.config_args or ()
    folders = ("results", "data", "logs", "benchmarks")
    folders = {name: workflow.pathvars.get(name) for name in folders}
    config = load(config_sources(), arguments, folders)
except ConfigError as error:
    raise WorkflowError(f"the configuration cannot be used:\n{error}") from None

targets = Targets(config, declared(config))
options = Options(targets)
figures = Figures(options)

if workflow.is_main_process and not is_module:
    show(logger, workflow, Path(config["pathvars"]["benchmarks"]))
    workflow.list_rules = partial(list_rules, workflow)

# Snakemake does not mind a file that is missing where what was made of it is still there.
if workflow.is_main_process:
    for key, path in targets.lacking().items():
        logger.warning(
            f"`{key}`: {path} is not there; what has been made of it, if anything, is kept"
        )
    if faults := targets.unusable():
        raise WorkflowError("the data cannot be used:\n" + "\n".join(faults[:MOST_FAULTS]))


wildcard_constraints:
    env="|".join(config["environments"]),
    task="|".join({task for entry in config["environments"].values() for task in entry["tasks"]}),
    learner="|".join(
        {
            name
            for entry in config["environments"].values()
            for name in (*entry["tasks"], *entry.get("suites", {}))
        }
    ),
    method="|".join(config["methods"]),
    table="|".join(config["tables"]),
    seed=r"\d+",
    n_demos=r"\d+",
    retrieve=f"(_retrieve_({'|'.join(get_args(Retrieve)[1:])}))?",
    part="|".join({part for model in targets.models.values() for part in model["parts"]}),
    split=r"(mixed|no_[a-z0-9_]+(-[a-z0-9_]+)*)([.]\d+percent)?",
    sequence=r"[a-z0-9_]+(-[a-z0-9_]+)*",
    download="|".join(map(re.escape, config["downloads"])) or "none",
    name=r"[A-Za-z0-9._-]+",


def script(name):
    """Return a parameter that says where a script is, relative to the folder of the run.

    It takes `output`, though it needs none: Snakemake then does not compare it, and nothing is made
    again where the folders have been moved. What is in the scripts is compared (`options.code`).
    """
    place = os.path.relpath(ROOT / "workflow" / "scripts" / name)
    return bound(lambda wildcards, output: place)


def shown(file, caption, **labels):
    """Return an output file that the report shows, with a caption and labels."""
    categories = {"figure": "Figures", "sheet": "Videos", "cost": "Run", "run": "Run"}
    category = categories.get(caption, "Tables")
    return report(
        file, caption=f"../workflow/report/{caption}.rst", category=category, labels=labels
    )


def grows(amount):
    """Return a request for a resource that grows with every attempt: amount, then twice that, …

    Amounts of memory are twice what was measured of the largest job (docs/how-to/cluster.md), of time many
    times it: nodes are slower, and a job out of time continues where it was.
    """
    return bound(lambda wildcards, attempt: amount * attempt)
