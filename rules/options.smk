# The settings of the configuration, as options of the scripts.
def flags_of(wildcards, section, part, prefix):
    """Return the options for a part of a section of the configuration."""
    return flags(prefix, settings(config, wildcards.env, section, part))


def state_file(wildcards, output):
    """Return where a stage keeps its resume state: beside the results, but never an output."""
    folders = config["pathvars"]
    made_of = "data" if os.path.splitext(output[0])[1] == ".hdf5" else "results"
    folder = folders[made_of]
    return f"{folder}/.state/{os.path.relpath(output[0], folder)}.state"


def tensorboard(wildcards, output):
    """Return the option for TensorBoard's files, if the configuration asks for them."""
    results = config["pathvars"]["results"]
    name = os.path.splitext(os.path.relpath(output.weights, results))[0]
    return f"--tensorboard {results}/tensorboard/{name}" if config["tensorboard"] else ""


# Snakemake reruns a job when its parameters change, but not for those that are functions of the
# input: what the configuration says must not come from one of these.
def policy_flags(wildcards):
    """Return the options that say how a method acts."""
    method = config["methods"][wildcards.method]
    demos = str(n_demos(wildcards))
    options = ["--kind", kind(wildcards), "--lookup", method["lookup"], "--n-demos", demos]
    if "prior" in method:
        options += ["--prior", method["prior"]]
    rollout = settings(config, wildcards.env, "rollout") | method.get("rollout", {})
    return f"{shlex.join(options)} {flags('rollout', rollout)}"


def file_flags(wildcards, input):
    """Return the options that name the files that a method acts with."""
    files = {"--model": input.model, "--demos": input.demos, "--distance": input.distance}
    return shlex.join(word for option, given in files.items() if given for word in (option, *given))


def env_flags(wildcards):
    """Return the options that say in what environment a task is tested."""
    entry, row = environment(wildcards), task(wildcards)
    arguments = dict(entry.get("env_kwargs", {}))
    if "order_argument" in entry:
        arguments[entry["order_argument"]] = row["order"]
    return env_options(entry["env_id"], arguments | row.get("env_kwargs", {}))


def data_env_flags(wildcards):
    """Return the options that say what environment the data come from."""
    entry = environment(wildcards)
    return shlex.join(["--env", entry["env_id"], json.dumps(entry.get("env_kwargs", {}))])


def env_options(env_id, arguments):
    return shlex.join(["--env-id", env_id, "--env-kwargs", json.dumps(arguments)])


def generator_flags(wildcards):
    """Return the options that say how a recording is made."""
    data = environment(wildcards)["data"][wildcards.kind]
    arguments = json.dumps(data.get("arguments", {}))
    options = ["--generator", data["generator"], "--arguments", arguments]
    options += ["--episodes", str(data["episodes"]), "--seed", str(data["seed"])]
    return shlex.join(options)


def download_flags(wildcards):
    """Return the options that say where a published file is and how to know it."""
    entry = config["downloads"][wildcards.download]
    known = {key: value for key, value in entry.items() if value is not None}
    cache = shlex.join(["--cache", config["cache_dir"]])
    return f"{flags('wanted', {'name': wildcards.download} | known)} {cache}"


def source_flags(wildcards):
    """Return the options that say what is converted, and how."""
    data, file = made_of(wildcards)
    options = ["--source", data["source"], "--what", file]
    return shlex.join([*options, "--arguments", json.dumps(source_options(data))])


def bc_flags(wildcards):
    """Return the options that say what a cloned policy is like."""
    goal = {"goal": wildcards.policy == "goal_bc"}
    return flags("model", goal | settings(config, wildcards.env, "bc", "model"))


def label_flags(wildcards):
    """Return the options that say what is tested."""
    labels = {key: getattr(wildcards, key) for key in ("env", "task", "method", "seed")}
    return flags("labels", labels | {"data_source": data_source(wildcards)})


def data_source(wildcards):
    """Name the source of the training data, or both of play and demonstrations."""
    data = environment(wildcards)["data"]
    play, demos = data["play"]["source"], data["demos"]["source"]
    return play if play == demos else f"play:{play} demos:{demos}"


def table_flags(wildcards):
    """Return the options that say what a table shows, holds out, and what is published."""
    table = config["tables"][wildcards.table]
    tasks = config["environments"][table["env"]]["tasks"]
    shown = {key: table[key] for key in ("layout", "rows", "fold") if key in table}
    shown["baselines"] = config["baselines"]
    options = ["--held-out"]
    for name in table["tasks"]:
        options += [name, "+".join(tasks[name]["held_out"])]
    published = [
        (f"{name}/{method}/{measure}", str(value))
        for name in table["tasks"]
        for method, measures in tasks[name].get("paper", {}).items()
        for measure, value in measures.items()
        if value is not None
    ]
    if published:
        options += ["--paper", *(word for pair in published for word in pair)]
    return f"{flags('table', shown)} {shlex.join(options)}"


def plot_flags(wildcards):
    """Return the options of a figure of test results."""
    table = config["tables"][wildcards.table]
    options = ["--kind", wildcards.kind, "--layout", table.get("layout", "subtasks")]
    if wildcards.kind == "demonstrations":
        options.append("--demos")
        for method in table.get("demonstrations", []):
            options += [method, str(config["methods"][method].get("n_demos", config["n_demos"]))]
    if wildcards.kind == "scores":
        measure = {"success": "success"}.get(table.get("layout"), "subtasks")
        paper = [
            (f"{name}/{method}", str(measures[measure]))
            for name in table["tasks"]
            for method, measures in config["environments"][table["env"]]["tasks"][name]
            .get("paper", {})
            .items()
            if measures.get(measure) is not None
        ]
        options += ["--paper", *(word for pair in paper for word in pair)] if paper else []
    return shlex.join(options)


def feature_flags(wildcards, input):
    """Return the options that name the distance and the demonstrations of every task."""
    tasks = [cell.task for cell in looking_up(wildcards.table, ("distance",))]
    options = []
    for option, files in (("--distances", input.distances), ("--demos", input.demos)):
        options += [option, *(word for pair in zip(tasks, files) for word in pair)]
    return shlex.join(options)


def feature_demos(wildcards):
    """Return the option that says how many demonstrations of every task are drawn."""
    cells = looking_up(wildcards.table, ("distance",))
    return shlex.join(
        ["--n-demos", *(w for cell in cells for w in (cell.task, str(n_demos(cell))))]
    )


def map_flags(wildcards):
    """Return the options that say whose map a figure is drawn on."""
    entry = config["environments"][config["tables"][wildcards.table]["env"]]
    if "map" not in entry:
        raise WorkflowError(
            f"environment {config['tables'][wildcards.table]['env']} has no `map`: name the two "
            "entries of its state that are a place on it"
        )
    env = env_options(entry["env_id"], entry.get("env_kwargs", {}))
    return f"{env} {shlex.join(['--plane', *entry['map']])}"


def coverage_flags(wildcards, input):
    """Return the option that names the data sets of a figure."""
    pairs = zip(covering_data(wildcards.table), input.files)
    return shlex.join(["--files", *(word for pair in pairs for word in pair)])


def path_flags(wildcards, input):
    """Return the option that names the demonstrations of every task."""
    pairs = zip((cell.task for cell in first_of_tasks(wildcards.table)), input.demos)
    return shlex.join(["--demos", *(word for pair in pairs for word in pair)])


def claims_json():
    """Return the claims as JSON: each with the environment, tasks and measure of its table."""
    claims = []
    for claim in shown_claims():
        table = config["tables"][claim["table"]]
        of_table = {key: table[key] for key in ("env", "tasks")}
        of_table["measure"] = table.get("layout", "subtasks")
        claims.append(of_table | {key: value for key, value in claim.items() if key != "table"})
    return json.dumps(claims)
