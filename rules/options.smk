# The settings of the configuration, as options of the scripts.
def flags_of(wildcards, section, part, prefix):
    """Return the options for a part of a section of the configuration."""
    return flags(prefix, settings(config, wildcards.env, section, part))


def state_file(wildcards, output):
    """Return where a training keeps its resume state: beside the results, but never an output."""
    results = config["pathvars"]["results"]
    return f"{results}/.state/{os.path.relpath(output.weights, results)}.state"


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
    options = ["--prior", method["prior"], "--lookup", method["lookup"], "--n-demos", demos]
    rollout = settings(config, wildcards.env, "rollout") | method.get("rollout", {})
    return f"{shlex.join(options)} {flags('rollout', rollout)}"


def lookup_flags(wildcards, input):
    """Return the options that name the files of a method's look-up, where it has one."""
    demos = ["--demos", *input.demos] if input.demos else []
    distance = ["--distance", *input.distance] if input.distance else []
    return shlex.join(demos + distance)


def env_flags(wildcards):
    """Return the options that say in what environment."""
    arguments = json.dumps({"task_elements": task(wildcards)["order"]})
    return shlex.join(["--env-id", environment(wildcards)["env_id"], "--env-kwargs", arguments])


def data_source(wildcards):
    """Name the source of the training data: generated, local, or both."""
    data = environment(wildcards)["data"]
    play, demos = data["play"]["source"], data["demos"]["source"]
    return play if play == demos else f"play:{play} demos:{demos}"


def task_flags(wildcards):
    """Return the options that say what each task holds out and what the paper reports for it."""
    entry = environment(wildcards)
    options = ["--held-out"]
    for name in entry["table"]["tasks"]:
        options += [name, "+".join(entry["tasks"][name]["held_out"])]
    published = [
        (f"{name}/{method}", str(value))
        for name in entry["table"]["tasks"]
        for method, value in entry["tasks"][name].get("paper_subtasks", {}).items()
        if value is not None
    ]
    if published:
        options += ["--paper", *(word for pair in published for word in pair)]
    return shlex.join(options)
