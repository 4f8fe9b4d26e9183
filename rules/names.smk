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
    folder = "raw" if source_files(data, file) else "fetched"
    return f"<data>/{env}/{folder}/{made_name(data, file)}.hdf5"


def made_name(data, file):
    """Return the name of what a source makes of a file: for people, and a hash of all that decides it."""
    archive = os.path.splitext(data.get("archive", ""))[0]
    said = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{archive}-{re.sub('[.](hdf5|pkl)$', '', file)}")
    decides = json.dumps([data["source"], archive, file, source_options(data)], sort_keys=True)
    return f"{said.strip('_.-')[:80]}-{hashlib.sha256(decides.encode()).hexdigest()[:8]}"


def source_options(data):
    """Return the further arguments of a source; a left-over `converter` is not for every one."""
    converter = {key: data[key] for key in ("converter",) if key in data}
    return data.get("options", {}) | (converter if data["source"] in ("relay", "minari") else {})


def source_files(data, file):
    """Return what a source reads: a download, or what lies on this disk; none, if it fetches itself."""
    name = data.get("archive", file)
    local = os.path.join(config["local_dir"], name)
    if data["source"] == "minari":
        return []
    if name in config["downloads"]:
        return [f"<data>/downloads/{name}"]
    return [local] if os.path.exists(local) else []


def made_of(wildcards):
    """Return the data set that a converted file belongs to, and what of it is converted."""
    for data in environment(wildcards)["data"].values():
        for file in () if data["source"] == "generated" else listed_files(data):
            if made_name(data, file) == wildcards.name:
                return data, file
    raise WorkflowError(
        f"nothing that is called {wildcards.name} is made of environments.{wildcards.env}.data"
    )


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


def figure_files(table):
    """Return the figures of a table that can be drawn of it."""
    kinds = ["scores", "progress", "profile", "curves"]
    kinds += ["demonstrations"] if "demonstrations" in config["tables"][table] else []
    kinds += ["retrieval"] if looking_up(table) else []
    kinds += ["features"] if looking_up(table, ("distance",)) else []
    if "map" in config["environments"][config["tables"][table]["env"]]:
        kinds += ["coverage", "paths"]
    return [f"<results>/figures/{table}/{kind}.pdf" for kind in kinds]


def drawn_episodes(wildcards):
    """Return the test results that a figure shows: the table's, or those over demonstrations."""
    if wildcards.kind != "demonstrations":
        return table_rows(wildcards)
    cells = table_cells(wildcards.table, methods="demonstrations")
    return [f"{cell.folder}/episodes.csv" for cell in cells]


def drawn_curves(wildcards):
    """Return the learning curves of a table's models, those before fine-tuning included."""
    cells = [(cell, file) for cell in table_cells(wildcards.table) for file in model_files(cell)]
    before = [pretrained(cell, Path(file).stem) for cell, file in cells]
    return [
        str(Path(file).with_suffix(".csv"))
        for file in dict.fromkeys([*before, *(file for _, file in cells)])
    ]


def drawn_traces(wildcards):
    return [f"{cell.folder}/trace.csv" for cell in looking_up(wildcards.table)]


def drawn_distances(wildcards):
    return [distance_file(cell)[0] for cell in looking_up(wildcards.table, ("distance",))]


def drawn_demos(wildcards):
    return [task_demos(cell) for cell in looking_up(wildcards.table, ("distance",))]


def shown_claims():
    """Return the claims about the default tables."""
    return [claim for claim in config["claims"] if claim["table"] in config["default_tables"]]


def first_of_tasks(table):
    """Return a cell for every task of a table: its first method, first seed."""
    method, seed = config["tables"][table]["methods"][0], config["seeds"][0]
    return [cell for cell in table_cells(table) if cell[2:] == (method, seed)]


def covering_data(table):
    """Return the data sets of a table by the names that they get in a figure: play, then demos."""
    cells = first_of_tasks(table)
    play = {split_of(cell): split_file(cell.env, split_of(cell)) for cell in cells}
    return play | {f"{cell.task}_demonstrations": task_demos(cell) for cell in cells}


def covering_files(wildcards):
    return list(covering_data(wildcards.table).values())


def traced_paths(wildcards):
    """Return the traces of every task and method of a table, first seed."""
    cells = table_cells(wildcards.table)
    return [f"{cell.folder}/trace.csv" for cell in cells if cell.seed == config["seeds"][0]]


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
