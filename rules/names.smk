# The names of files. A split of the play data is called `mixed`, `no_kettle`, `no_kettle-microwave`, …
def play_files(wildcards):
    """Return the recordings that a split is made from: those that are given, or one per sequence.

    Where no sequences are listed, each split has a recording of its own, called like the split; so
    it has where the given files are listed by split.
    """
    play = environment(wildcards)["data"]["play"]
    own = wildcards.without.replace("-no-", "no_") or "mixed"
    if play["source"] == "generated":
        sequences = play.get("sequences", [own])
        return [f"<data>/{wildcards.env}/play/{sequence}.hdf5" for sequence in sequences]
    files = play["files"]
    if isinstance(files, dict):
        if own not in files:
            raise WorkflowError(
                f"no play data for {own}: name its files in the configuration, "
                f"environments.{wildcards.env}.data.play.files"
            )
        files = files[own]
    return [given(wildcards.env, play, file) for file in files]


def raw_demos_file(wildcards):
    """Return the demonstrations of a sequence, before they are checked."""
    demos = environment(wildcards)["data"]["demos"]
    if demos["source"] == "generated":
        return f"<data>/{wildcards.env}/demos/{wildcards.sequence}.hdf5"
    if wildcards.sequence not in demos["files"]:
        raise WorkflowError(
            f"no demonstrations of {wildcards.sequence}: name their file in the configuration, "
            f"environments.{wildcards.env}.data.demos.files"
        )
    return given(wildcards.env, demos, demos["files"][wildcards.sequence])


def given(env, data, file):
    """Return where a file of a data set that is not generated lies, or will lie."""
    if data["source"] == "local":
        return os.path.join(config["local_dir"], file)
    if data["source"] == "d4rl":
        return f"<data>/downloads/{file}"
    return f"<data>/{env}/raw/{data['source']}/{slug(file)}.hdf5"


def slug(file):
    """Return the name of what is made of a member, a folder or a Minari data set."""
    return (
        re.sub(r"[^A-Za-z0-9._-]+", "_", re.sub(r"[.](hdf5|pkl)$", "", file)).strip("_.-") or "all"
    )


def raw(wildcards, source):
    """Return the data set that a converted file belongs to, and what it is converted from."""
    for data in environment(wildcards)["data"].values():
        for file in listed_files(data) if data["source"] == source else ():
            if slug(file) == wildcards.name:
                return data, file
    raise WorkflowError(
        f"no file called {wildcards.name} with source {source} in the configuration, "
        f"environments.{wildcards.env}.data"
    )


def archive(wildcards, source):
    return f"<data>/downloads/{raw(wildcards, source)[0]['archive']}"


def split_file(env, split):
    """Return the play data of a split: {env}-mixed.hdf5, {env}-mixed-no-kettle.hdf5, …"""
    return f"<data>/{env}/{env}-{re.sub('^no_', 'mixed-no-', split)}.hdf5"


def demos_file(env, order):
    return f"<data>/{env}/{env}-demo-{'-'.join(order)}.hdf5"


def split_of(wildcards):
    return split_name(task(wildcards)["held_out"])


def task_demos(wildcards):
    return demos_file(wildcards.env, task(wildcards)["order"])


def pretrained(wildcards, model):
    """Return the model (skills, distance, bc, goal_bc) that is fine-tuned for a task."""
    split = split_of(wildcards)
    return f"<results>/{wildcards.env}/{split}/seed_{wildcards.seed}/{model}.pt"


class Cell(NamedTuple):
    """One task, method and training seed of an environment; reads like Snakemake's wildcards."""

    env: str
    task: str
    method: str
    seed: int

    @property
    def path(self):
        return f"{self.env}/{self.task}/{self.method}/seed_{self.seed}"

    @property
    def folder(self):
        return f"<results>/{self.path}"

    @property
    def episodes(self):
        return f"{self.folder}/episodes.csv"

    @property
    def trace(self):
        return f"{self.folder}/trace.csv"


def table_cells(*tables, methods="methods"):
    """Return the cells of some tables (by default, the default ones), row by row."""
    return [
        Cell(config["tables"][table]["env"], task_name, method, seed)
        for table in tables or config["default_tables"]
        for task_name in config["tables"][table]["tasks"]
        for method in config["tables"][table].get(methods, [])
        for seed in config["seeds"]
    ]


def n_demos(wildcards):
    """Return how many demonstrations a method gets: its own number, the task's, or the common one."""
    own = [config["methods"][wildcards.method], task(wildcards), config]
    return next(entry["n_demos"] for entry in own if "n_demos" in entry)


def kind(wildcards):
    """Return how a method acts: through skills, as a cloned policy, by replay, …"""
    return config["methods"][wildcards.method].get("kind", "skills")


def data_files(cell):
    """Return the data sets that a cell needs."""
    return [split_file(cell.env, split_of(cell)), task_demos(cell)]


def model_files(cell):
    """Return the models that a cell acts with: skills or a cloned policy, and the distance."""
    return [*model_file(cell), *distance_file(cell)]


def model_file(wildcards):
    """Return the skills or the cloned policy of a method, as a list of one file, or of none."""
    if kind(wildcards) in ("replay", "neighbours"):
        return []
    parameters = config["methods"][wildcards.method]["finetune"]
    if parameters == "none":
        folder = split_of(wildcards)
    else:
        folder = f"{wildcards.task}/finetune_{parameters}_{n_demos(wildcards)}demos"
    return [f"<results>/{wildcards.env}/{folder}/seed_{wildcards.seed}/{kind(wildcards)}.pt"]


def lookup_demos(wildcards):
    """Return the demonstrations that a method looks up in, as a list of one file, or of none."""
    lookup = config["methods"][wildcards.method]["lookup"]
    return [] if lookup == "none" else [task_demos(wildcards)]


def distance_file(wildcards):
    """Return the distance that a method looks up with, as a list of one file, or of none."""
    method = config["methods"][wildcards.method]
    if method["lookup"] not in ("distance", "random"):
        return []
    if method.get("distance") == "mixed":
        split = "mixed"
    elif method["lookup"] == "random":
        split = split_of(wildcards)  # only the encoder's shape is taken from it
    else:
        folder = f"{wildcards.task}/distance_{n_demos(wildcards)}demos"
        return [f"<results>/{wildcards.env}/{folder}/seed_{wildcards.seed}/distance.pt"]
    return [f"<results>/{wildcards.env}/{split}/seed_{wildcards.seed}/distance.pt"]


def demos_to_leave_out(wildcards):
    """Return the demonstrations that must not stand in a split: those of its tasks (mixed: all).

    Those made here cannot: they have another seed than play, which the configuration must say.
    """
    entry = environment(wildcards)
    demos = entry["data"]["demos"]
    if demos["source"] == "generated":
        return []
    files = set()
    for row in entry["tasks"].values():
        split = split_name(row["held_out"]).removeprefix("no")
        known = "-".join(row["order"]) in demos["files"]
        if known and (not wildcards.without or split.replace("_", "-no-", 1) == wildcards.without):
            files.add(demos_file(wildcards.env, row["order"]))
    return sorted(files)


def table_rows(wildcards):
    return [f"{cell.folder}/episodes.csv" for cell in table_cells(wildcards.table)]


def reference_rows(wildcards):
    """Return the results that a table compares with, but does not show."""
    cells = table_cells(wildcards.table, methods="references")
    return [f"{cell.folder}/episodes.csv" for cell in cells]


def looks_up(method):
    """Tell whether a method follows what it looks up step by step."""
    entry = config["methods"][method]
    return entry["lookup"] != "none" and entry.get("kind") not in ("replay", "neighbours")


def looking_up(table, lookups=("distance", "euclidean", "random")):
    """Return a cell for every task of a table: its first method with such a look-up, first seed."""
    for method in config["tables"][table]["methods"]:
        if looks_up(method) and config["methods"][method]["lookup"] in lookups:
            cells = table_cells(table)
            return [cell for cell in cells if cell[2:] == (method, config["seeds"][0])]
    return []


def shown_claims():
    """Return the claims about the default tables."""
    return [claim for claim in config["claims"] if claim["table"] in config["default_tables"]]


def first_of_tasks(table):
    """Return a cell for every task of a table: its first method, first seed."""
    method, seed = config["tables"][table]["methods"][0], config["seeds"][0]
    return [cell for cell in table_cells(table) if cell[2:] == (method, seed)]


class Targets:
    """The names of files, for `figures.Figures`."""

    config = config
    cells, looking_up, first_cells = map(
        staticmethod,
        (
            table_cells,
            lambda table, *lookups: looking_up(table, *lookups and [lookups]),
            first_of_tasks,
        ),
    )
    acting = staticmethod(lambda cell: {"distance": distance_file(cell)[0]})
    models, play = map(
        staticmethod, (model_files, lambda cell: split_file(cell.env, split_of(cell)))
    )
    demos, split, n_demos, pretrained = map(
        staticmethod, (task_demos, split_of, n_demos, pretrained)
    )


FIGURES = Figures(Targets)


def figure_files(table):
    """Return the figures of a table that can be drawn of it."""
    return [f"<results>/figures/{table}/{figure}.pdf" for figure in FIGURES.of(table)]


def claim_rows():
    """Return the test results that the claims are about."""
    return list(
        dict.fromkeys(
            f"{Cell(table['env'], task_name, method, seed).folder}/episodes.csv"
            for claim in shown_claims()
            for table in [config["tables"][claim["table"]]]
            for task_name in table["tasks"]
            for method in (claim["better"], claim.get("worse"))
            if method is not None
            for seed in config["seeds"]
        )
    )


def video_files(table):
    """Return the videos of a table: one for every task and method, of the first training seed."""
    seed = config["seeds"][0]
    return [
        f"<results>/videos/{cell.env}/{cell.task}/{cell.method}/seed_{seed}.mp4"
        for cell in table_cells(table)
        if cell.seed == seed
    ]


def shown_files():
    """Return what the report shows: of the default tables, the claims about them, and the run."""
    files = [f"<results>/{name}.csv" for name in ("claims", "cost", "run/versions")]
    files += ["<results>/figures/cost.png"]
    for table in config["default_tables"]:
        files += [f"<results>/{table}.csv", f"<results>/{table}_statistics.csv"]
        files += [file.replace(".pdf", ".png") for file in figure_files(table)]
        files += [file.replace(".mp4", ".png") for file in video_files(table)]
    return files + ["<results>/run/config.yaml"]
