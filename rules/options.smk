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
    return env_options(entry["env_id"], entry.get("env_kwargs", {}))


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
    options = ["--urls", *entry["urls"], "--cache", config["cache_dir"]]
    for key in ("sha256", "bytes", "page"):
        if entry.get(key) is not None:
            options += [f"--{key}", str(entry[key])]
    return shlex.join(options)


def raw_flags(source):
    """Return a function for the options that say what is converted, and how."""

    def options(wildcards):
        data, file = raw(wildcards, source)
        words = ["--what", file]
        if source != "fist" and "converter" in data:
            words += ["--converter", data["converter"]]
        return shlex.join(words)

    return options


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
    return f"{flags('settings', shown)} {shlex.join(options)}"


# The rules of figures are made in a loop: what they call is made for one figure each.
def drawn_files(figure):
    """Return a function for the files that a figure is drawn from."""

    def files(wildcards):
        try:
            needs = FIGURES.files(figure, wildcards.get("table", "")).values()
        except ValueError as error:
            raise WorkflowError(str(error)) from None
        return [file for labelled in needs for _, file in labelled]

    return files


def request(figure):
    """Return a function for the same files, labelled."""
    return lambda wildcards, input: FIGURES.request(figure, wildcards.get("table", ""), input.files)


def described_table(wildcards):
    """Return the description of a figure's table."""
    return FIGURES.table(wildcards.table) if "table" in wildcards.keys() else "{}"


def figure_code(figure):
    """Return a function for the code that a figure runs; on a map, also the environment's."""
    on_map = "map" in FIGURES.needs[figure]
    name = f"analysis/figures/{figure}"
    return lambda wildcards: code(
        "plot", config["tables"][wildcards.table]["env"] if on_map else None, name
    )


def claims_json():
    """Return the claims as JSON: each with the environment, tasks and measure of its table."""
    claims = []
    for claim in shown_claims():
        table = config["tables"][claim["table"]]
        of_table = {key: table[key] for key in ("env", "tasks")}
        of_table["measure"] = table.get("layout", "subtasks")
        claims.append(of_table | {key: value for key, value in claim.items() if key != "table"})
    return json.dumps(claims)
