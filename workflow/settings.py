"""What a configuration may hold, and what it means: the one declaration of every key.

The settings of models and of methods are those of their classes, see `declarations`.
"""

from functools import cache
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len
from pydantic import Field, Strict, StringConstraints

from fist.stage.settings import Count, Flag, Natural, NonNegative, Seed, schema_of, settings
from fist.training.settings import Retrieve


def like(pattern: str, longest: int | None = None) -> StringConstraints:
    """Constrain a text to one that matches a pattern as a whole."""
    return StringConstraints(pattern=f"^({pattern})$", max_length=longest)


DISTINCT = Field(json_schema_extra={"uniqueItems": True})
NAME, SEQUENCE, IDENTIFIER = "[a-z][a-z0-9_]*", "[a-z0-9_]+(-[a-z0-9_]+)*", "[A-Za-z_][A-Za-z0-9_]*"
Name = Annotated[str, like(NAME, longest=200)]
TaskName = Annotated[str, like(f"{NAME}(-{NAME})*", longest=200)]
Sequence = Annotated[str, like(SEQUENCE, longest=200)]
Split = Annotated[str, like(f"mixed|no_{SEQUENCE}")]
MODULE = f"{IDENTIFIER}([.]{IDENTIFIER})*"
FUNCTION, ENV_ID = f"{MODULE}:{IDENTIFIER}", rf"({MODULE}:)?[\w./-]+"
Function = Annotated[str, like(FUNCTION)]
Folder = Annotated[str, like("[^{}/-]|[^{}-][^{}]*[^{}/]")]
"""Braces are Snakemake's wildcards; what begins with - is an option."""
File = Annotated[str, like(".+")]
FileName = Annotated[str, like(r"[A-Za-z0-9][A-Za-z0-9._-]*[.](hdf5|zip)")]
Url = Annotated[str, like("(https?|file)://.+")]
Names = Annotated[list[Name], DISTINCT]
SomeNames = Annotated[list[Name], DISTINCT, Len(1)]
Tasks = Annotated[list[TaskName], DISTINCT, Len(1)]
Files = Annotated[list[File], DISTINCT, Len(1)]
Null = Literal[None]
Free = dict[str, Any]
"""Settings that other code knows: an environment's, a function's, a class's."""


@settings
class Download:
    """A published file."""

    urls: Annotated[list[Url], DISTINCT, Len(1)]
    """Where it is: `http`, `https`, `file`, or a link to a file on Google Drive; tried in this
    order."""
    sha256: Annotated[str, like("[0-9a-f]{64}")] | Null = None
    """What it must be. Without a checksum (or with `null`), the one that is seen first is kept in
    `cache_dir/checksums.json` and holds from then on."""
    bytes: Count | Null = None
    """How long it must be."""
    limit: Count | None = None
    """Bytes at which a download of unknown size is stopped; 64 GiB by default."""
    page: str | Null = None
    """A page for people, named when no URL works."""


@settings
class DataSet:
    """Where a part of the data comes from."""

    source: (
        Literal["generated", "local", "d4rl", "fist", "relay", "minari"]
        | Literal["auto", "robomimic", "lerobot", "zarr", "npz"]
        | Function
    )
    """Where it comes from, see below; or a function of your own, `module:function`."""
    generator: Function | None = None
    """Source `generated`: the function that makes it, `module:function`."""
    arguments: Free | None = None
    """Arguments of the generator."""
    seed: Natural | None = None
    """Seed of the generator; that of play and that of the demonstrations must differ."""
    episodes: Count | None = None
    """Episodes of every recording that is generated."""
    archive: str | None = None
    """Sources `fist` and `relay`: the zip archive, a name in `downloads`."""
    converter: Function | None = None
    """Sources `relay` and `minari`: the function that makes episodes, `module:function`."""
    options: Free | None = None
    """Further arguments of a source: `keys`, `actions`, `action_range`, …"""
    fetches: Flag | None = None
    """A source of your own, or `lerobot` from the hub: `true` if it fetches its files itself; it
    then runs where Snakemake runs. Otherwise they are downloads, or files in `local_dir`."""


@settings
class Play(DataSet):
    """Play data, that models are trained on."""

    sequences: Annotated[list[Sequence], DISTINCT] | None = None
    """Source `generated`: the sequences from which every split is made, one recording each. Without
    them each split has its own recording."""
    files: Files | dict[Split, Files] | None = None
    """All other sources: a list of files, or a list for every split that has its own recordings:
    `mixed`, `no_kettle`, `no_kettle-top_burner`, …"""


@settings
class Demos(DataSet):
    """Demonstrations of the tasks."""

    files: dict[Sequence, File] | None = None
    """All sources but `generated`: a file for every sequence."""


@settings
class Data:
    """The data of an environment."""

    play: Play
    """The play data that models are trained on."""
    demos: Demos
    """The demonstrations of the tasks."""


@settings
class Published:
    """Published numbers of a method on a task."""

    subtasks: NonNegative | Null = None
    """Mean number of subtasks."""
    success: Annotated[float, Strict(), Ge(0), Le(1)] | Null = None
    """Success rate."""
    length: NonNegative | Null = None
    """Mean length of an episode in steps."""


@settings
class Flaws:
    """What is wrong with some of the demonstrations."""

    kind: Literal["other_task", "cut", "noise", "pauses"]
    """`other_task`: they show another task; `cut`: they end half-way; `noise`: their actions are
    noisier; `pauses`: the arm stands still for a while."""
    number: Count
    """How many of the demonstrations have the flaw; they are spread evenly among the others."""
    of: Sequence | None = None
    """Kind `other_task`: the sequence that they show."""


@settings
class Finetuning:
    """How a model is fine-tuned for a task."""

    finetune: Free | None = None
    """What is other than for all tasks."""
    parts: dict[Name, Free] | None = None
    """The same of one of its parts, on top."""


@settings
class Change:
    """What a task, or a variant of several tasks, may say of what is learnt and tested."""

    n_demos: Count | None = None
    """Number of demonstrations, for fine-tuning and for retrieval."""
    draw: Natural | None = None
    """Which of the recorded demonstrations are used: 0 (the default) the first ones; any other
    number is the seed of a random choice."""
    flaws: Flaws | None = None
    """Flaws of some demonstrations, see below."""
    play_percent: Annotated[int, Strict(), Ge(0), Le(100)] | None = None
    """Percentage of the play episodes that are used; a smaller share is part of a larger one. 0: no
    play, and all models begin with the demonstrations."""
    learns_from: TaskName | None = None
    """The task on whose demonstrations models are fine-tuned, or a suite of tasks, for one model of
    all. `none`: nothing is trained on demonstrations; they are only for retrieval. By default the
    task itself."""
    env_kwargs: Free | None = None
    """Arguments of the environment in tests."""
    wrappers: dict[Function, Free] | None = None
    """Wrappers of the environment in tests, the inner one first: `module:Class`, its arguments."""
    models: dict[Name, Finetuning] | None = None
    """How models are fine-tuned, on top of the environment's settings."""
    rollout: Free | None = None
    """Settings of the tests, on top of the common ones."""


@settings
class Task(Change):
    """A task of an environment."""

    held_out: Names = Field(default_factory=list)
    """Objects that no play episode may complete or move."""
    order: SomeNames | None = None
    """Subtasks in the order in which they count. It also names the demonstrations. By default the
    name of the task."""
    paper: dict[Name, Published] | None = None
    """Published numbers, by method: `subtasks` (mean number), `success` (success rate), `length`
    (steps)."""


@settings
class ModelEntry:
    """Settings of a model; what is not said has the default of the model's class."""

    model: Free | None = None
    """What it is like."""
    train: Free | None = None
    """How it is trained on play data."""
    finetune: Free | None = None
    """How it is fine-tuned on demonstrations."""
    parts: dict[Name, Free] | None = None
    """The same of one of its parts, on top: `{goal_prior: {epochs: 10}}`."""


@settings
class Environment:
    """An environment, its data and its tasks."""

    env_id: Annotated[str, like(ENV_ID)]
    """Gymnasium id, with the module that registers it: `d4rl:kitchen-mixed-v0`."""
    data: Data
    """Where play and demonstrations come from, see below."""
    tasks: Annotated[dict[TaskName, Task], Len(1)]
    """The table of tasks, see below."""
    variants: dict[Name, Change] | None = None
    """What a table may change in all of its tasks, by name, see below."""
    suites: dict[Name, Tasks] | None = None
    """Tasks that one model learns together, by name, see below."""
    env_kwargs: Free | None = None
    """Arguments of the environment."""
    order_argument: Annotated[str, like(IDENTIFIER)] | None = None
    """The argument of the environment that takes the `order` of a task. Without it, the environment
    does not get the order."""
    map: Annotated[list[str], Len(2, 2)] | None = None
    """The two entries of the state that are a place on a map, by name: `[x, y]`. Figures of
    coverage and of paths use it."""
    models: dict[Name, ModelEntry] | None = None
    """Settings of models for this environment alone, on top of the common ones."""
    rollout: Free | None = None
    """Settings of the tests for this environment alone, on top of the common ones."""


@settings
class Table:
    """A table of results, `results/<name>.csv`."""

    env: str
    """The environment."""
    tasks: Tasks
    """Its tasks, in this order."""
    methods: SomeNames
    """Its methods, in this order: a row for every task and method."""
    variant: Name | None = None
    """A variant of the environment. It changes all tasks of the table, which are then called
    `<task>-<variant>`."""
    layout: Literal["subtasks", "success"] = "subtasks"
    """`subtasks`: how many were completed, and which; `success`: the success rate, and the number
    of steps."""
    references: Names | None = None
    """Methods without a row, with which the others are compared if they are `baselines`."""
    demonstrations: SomeNames | None = None
    """Methods that differ in their number of demonstrations, for the figure `demonstrations`."""
    rows: Name | None = None
    """Name of the first column: what a task is called there."""


@settings
class Claim:
    """A claim that the results confirm, contradict or leave open."""

    text: str
    """The claim in words."""
    table: Name
    """The table whose tasks are averaged; its layout says what is scored."""
    better: Name
    """The method that is claimed to be better than `worse`."""
    worse: Name | None = None
    """The method that is claimed to be worse."""
    at_least: Annotated[float, Strict()] | None = None
    """Instead of `worse`: the score that `better` is claimed to reach."""


@settings
class Method:
    """A method: a policy, and how it is made and used. A variant is one more entry."""

    class_: Function | None = Field(default=None, alias="class")
    """Class of the policy, `module:Class`. The module may also be in the folder of the run."""
    like: Name | None = None
    """Another entry, from which all keys come that are not given here."""
    lookup: Literal["distance", "euclidean", "random", "none"] | None = None
    """The space in which goals are retrieved: `distance` (learnt), `euclidean` (raw states),
    `random` (an untrained encoder). By default `distance`, and `none` for classes that retrieve
    nothing."""
    finetune: Name | None = None
    """What is fine-tuned on the demonstrations: `all`, a part that the model names (of skills the
    `prior`, or FIST's `goal_prior` or SPiRL's `state_prior` alone), a new model from `scratch`, or
    `none`. By default `all`; not for classes without a model."""
    distance: Literal["held_out", "mixed"] = "held_out"
    """`held_out`: trained without the held-out object, then fine-tuned on the demonstrations.
    `mixed`: trained on all play, so **it has seen the held-out object**; the name of the method
    must say so (`saw_held_out`)."""
    retrieve: Retrieve = "none"
    """Retrieval of play for fine-tuning, where its windows are half of each batch: `none`; `all`
    alike; the tenth that is `nearest` to the demonstrations; `iwr`, weighted by the ratio of the
    densities of demonstrations and play; `sdtw`, stretches that run like one of the
    demonstrations."""
    n_demos: Count | None = None
    """Number of demonstrations for this method alone."""
    rollout: Free | None = None
    """Settings of the tests for this method alone, on top of the common ones."""


@settings
class Figures:
    """What the figures show."""

    filmed: Count
    """Test episodes in a video, one after another."""
    traced: Count
    """Test episodes that are recorded step by step, of every task, method and seed in a figure."""


@settings
class Folders:
    """The folders that are written to."""

    results: Folder
    """Models, test results, tables, figures."""
    data: Folder
    """Data sets."""
    logs: Folder
    """Logs of the stages."""
    benchmarks: Folder
    """Time and memory of the stages."""


@settings
class Experiment:
    """The whole configuration."""

    seeds: Annotated[list[Seed], DISTINCT, Len(1)]
    """Training seeds. Every model is trained and tested once for each."""
    n_demos: Count
    """Number of demonstrations, for fine-tuning and for retrieval."""
    tensorboard: Flag
    """`true` also writes the learning curves for TensorBoard, under `results/tensorboard/`."""
    gpus: Literal[0, 1]
    """GPUs that a training asks for. 1 is right on a single machine, with or without GPUs; a
    cluster without GPUs needs `--config gpus=0`."""
    local_dir: str
    """Folder from which the relative paths of local data sets start."""
    cache_dir: Folder
    """Folder in which downloads are kept. Files that are already there are not downloaded."""
    downloads: dict[FileName, Download]
    """Published files, see below."""
    environments: Annotated[dict[Annotated[str, like("[a-z][a-z0-9]*")], Environment], Len(1)]
    """One entry per environment, see below; its name is the folder under `results/` and `data/`."""
    tables: Annotated[dict[Name, Table], Len(1)]
    """One entry per table of results, see below."""
    default_tables: SomeNames
    """The tables that are made when no target is named."""
    overview: Names
    """The tables that `results/settings_table.csv` compares: methods against settings."""
    baselines: Names
    """Methods of which the strongest is the one that the others are compared with."""
    claims: list[Claim]
    """Claims that are tested with the results, see below."""
    methods: Annotated[dict[Name, Method], Len(1)]
    """The table of methods, see below."""
    models: dict[Name, ModelEntry]
    """Settings of the models, by name, and of the `distance`, see below."""
    rollout: Free
    """How methods act and are tested, see below."""
    figures: Figures
    """What the figures show, see below."""
    pathvars: Folders
    """The folders that are written to: `results`, `data`, `logs`, `benchmarks`."""


@cache
def base_schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration, before the classes that it names are known."""
    return schema_of(Experiment)
