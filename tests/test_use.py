"""Laws of a policy in a loop of one's own, and of the command `fist`."""

import inspect
import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pipeline_copy import FIST, ROOT, TINY, copy_made, snakemake
from recordings import random_episodes
from safetensors.torch import load_file
from untrained import cell_of_marks

import fist
from fist.commands.main import COMMANDS
from fist.data.actions import ActionScale
from fist.data.episodes import DataError, save_episodes
from fist.evaluation.evaluate import evaluate
from fist.evaluation.export import export_policy, load_exported
from fist.evaluation.rollout import RolloutSettings
from fist.methods.nearest import Replay
from fist.methods.skills import SPiRL
from fist.training.checkpoint import load_model

DEMO = ROOT / "demo"
USE = ROOT / "docs" / "use.md"


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    return cell_of_marks(tmp_path_factory.mktemp("cell"))


@pytest.fixture(scope="module")
def folder(cell, tmp_path_factory):
    """A policy of a small environment, which has learnt nothing."""
    path = tmp_path_factory.mktemp("policy") / "policy"
    export_policy(path, cell)
    return path


@pytest.fixture
def policy(folder):
    return fist.load_policy(folder, trusted=["marks"])


def run_fist(*words, cwd):
    """Run the command as a user does."""
    command = [*FIST, *map(str, words)]
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(Path(__file__).parent)])
    env = os.environ | {"PYTHONPATH": path}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=900)


def test_the_public_interface_is_what_it_was():
    """People write loops with it."""
    policy = fist.load_policy(DEMO)
    signatures = {
        name: " ".join(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(policy, inspect.ismethod)
        if not name.startswith("_")
    }
    assert signatures == {
        "act": "observation",
        "make_env": "kwargs",
        "reset": "seed",
        "set_demonstrations": "demonstrations n",
    }
    assert list(inspect.signature(fist.load_policy).parameters) == ["folder", "trusted"]
    assert (policy.horizon, policy.state_dim) == (10, 60)
    assert (policy.trained_on["about"], policy.trained_on["data"]) == ("play", "generated")
    assert policy.trained_on["inputs"]["play"]["sha256"]


def test_a_loop_of_ones_own_gives_the_episodes_of_the_table(policy, cell, tmp_path):
    for row in evaluate(tmp_path / "episodes.csv", cell):
        policy.reset(seed=row.test_seed)
        env = policy.make_env()
        observation, info = env.reset(seed=row.test_seed)
        total, steps, done = 0.0, 0, False
        while not done:
            observation, reward, terminated, truncated, info = env.step(policy.act(observation))
            total, steps, done = total + float(reward), steps + 1, terminated or truncated
        assert (steps, total, info["success"]) == (row.length, row.episode_return, row.success)


def test_a_row_of_a_batch_acts_as_it_does_alone(policy):
    states = np.random.default_rng(0).normal(size=(6, 3, 2))
    policy.reset(seed=5)
    together = np.stack([policy.act(batch) for batch in states])
    for row in range(3):
        policy.reset(seed=5 + row)
        alone = np.stack([policy.act(batch[row]) for batch in states])
        assert np.array_equal(alone, together[:, row])
    assert together.dtype == np.float32 and np.abs(together).max() <= 1


def test_other_demonstrations_are_looked_up_in_whether_in_a_file_or_in_arrays(policy, tmp_path):
    state, demos = np.array([0.3, 0.1]), random_episodes([40, 25, 30], state_dim=2, seed=9)

    def acts():
        policy.reset(seed=1)
        return policy.act(state).tolist()

    before = acts()
    save_episodes(tmp_path / "demos.hdf5", demos)
    policy.set_demonstrations(tmp_path / "demos.hdf5", n=2)
    from_file = acts()
    states, actions = (part.split([40, 25, 30]) for part in (demos.states, demos.actions))
    policy.set_demonstrations([(states[i].numpy(), actions[i].numpy()) for i in range(2)])
    assert acts() == from_file != before
    with pytest.raises(DataError, match="holds 3 usable episodes, 4 were asked for"):
        policy.set_demonstrations(str(tmp_path / "demos.hdf5"), n=4)
    with pytest.raises(DataError, match=r"outside \[-1, 1\]"):
        policy.set_demonstrations([(np.zeros((20, 2)), np.full((20, 2), 3.0))])
    assert acts() == from_file


def test_actions_come_in_the_range_of_the_recorded_ones(cell, tmp_path):
    demos, scale = random_episodes([40, 25], state_dim=2), ActionScale((-8.0, 0.0), (8.0, 2.0))
    save_episodes(tmp_path / "demos.hdf5", replace(demos, scale=scale))
    given = {"model": None, "distance": None, "lookup": "euclidean"}
    spec = replace(cell.spec, method=Replay, demos=tmp_path / "demos.hdf5", **given)
    export_policy(tmp_path / "replay", replace(cell, spec=spec))
    policy = fist.load_policy(tmp_path / "replay", ["marks"])
    recorded = replace(demos, scale=scale).recorded
    for arrays in ("as exported", "given"):
        assert np.allclose(policy.act(demos.states[7].numpy()), recorded[7]), arrays
        policy.set_demonstrations([(demos.states[:40].numpy(), recorded[:40])])
    with pytest.raises(DataError, match=r"is 9.0, outside \[-8.0, 8.0\]"):
        policy.set_demonstrations([(np.zeros((20, 2)), np.full((20, 2), 9.0))])


def test_a_policy_that_looks_nothing_up_says_so(cell, tmp_path):
    spec = replace(cell.spec, method=SPiRL, lookup="none", demos=None, distance=None)
    export_policy(tmp_path / "spirl", replace(cell, spec=spec))
    policy = fist.load_policy(tmp_path / "spirl", ["marks"])
    with pytest.raises(ValueError, match="SPiRL looks nothing up"):
        policy.set_demonstrations([])


NO_NUMBERS = (["a", "b"], ["1", "2"], [None, 1.0], [[1], [2, 3]], {"x": 1}, np.ones(2) + 1j)


@pytest.mark.parametrize(
    ("observation", "reason"),
    [
        (np.zeros(3), r"has shape \(3,\), expected \(2,\), or \(B, 2\) for a batch"),
        (np.zeros((2, 2, 2)), r"has shape \(2, 2, 2\), expected"),
        (np.zeros((0, 2)), r"has shape \(0, 2\), expected"),
        (np.float32(0), r"has shape \(\), expected"),
        (np.array([0, np.nan]), r"is nan in dimension 1 \(row 0\)"),
        (np.zeros((2, 2)), "2 observations, but 1 episode is running: call reset first"),
        (np.full(2, 1e300), r"is inf in dimension 0 \(row 0\)"),
        *((wrong, "the observation: no array of numbers") for wrong in NO_NUMBERS),
    ],
)
def test_an_observation_that_cannot_be_used_is_refused_in_its_own_terms(
    policy, observation, reason
):
    policy.reset(seed=0)
    policy.act(np.zeros(2))
    with pytest.raises(ValueError, match=reason):
        policy.act(observation)


@pytest.mark.filterwarnings("error")
def test_the_same_numbers_give_the_same_action_whatever_holds_them(policy):
    state, strided = np.array([0.25, -0.5], np.float32), np.zeros(4, np.float32)
    strided[::2] = state
    read_only = state.copy()
    read_only.flags.writeable = False
    kinds = (np.float16, np.float64, object)
    held = [strided[::2], read_only, state.tolist(), *(state.astype(kind) for kind in kinds)]
    held += [torch.tensor(state), torch.tensor(state, requires_grad=True)]
    actions = []
    for observation in (state, *held):
        policy.reset(seed=1)
        actions.append(policy.act(observation).tolist())
    assert actions == actions[:1] * len(actions) and state.tolist() == [0.25, -0.5]


@pytest.mark.parametrize("seed", [True, 1.0, np.float64(1), "1", [1], float("nan"), -1, 1 << 32])
def test_a_seed_is_a_whole_number_of_32_bits(policy, seed):
    with pytest.raises(ValueError, match="expected a whole number from 0 to 2\\^32 - 1"):
        policy.reset(seed=seed)
    policy.reset(seed=np.uint32(2**32 - 1))
    policy.act(np.zeros((2, 2)))


T = np.zeros((20, 2))
WRONG = {
    "a list of pairs": (None, 3, (T, T), [(T, T, T)], b"demos", {"a": 1}),
    "0 episodes": ([],),
    "episode 0 has states": (T, [(T[1:], T), (T, T[1:])], [(T[:0], T[:0])], [(T[:, 0], T[:, 0])]),
    "episode 1 has states": ([(T, T), (T[1:], T)], [(T, T), (T[:, :1], T)]),
    "actions of 1 dimensions": ([(T, T[:, :1])],),
    "states of 1 dimensions": ([(T[:, :1], T)],),
    r"observations\[0, 0\] is inf": ([(T + 1e300, T)],),
    "states of episode 0: no array of numbers": ([(T.astype(str), T)],),
}


@pytest.mark.parametrize(
    ("shown", "reason"), [(shown, why) for why, given in WRONG.items() for shown in given]
)
def test_demonstrations_that_cannot_be_used_are_refused_and_the_old_ones_stay(
    policy, shown, reason
):
    def acts():
        policy.reset(seed=1)
        return policy.act(np.ones(2)).tolist()

    before = acts()
    with pytest.raises(DataError, match=f"^the (demonstrations|data set).*{reason}"):
        policy.set_demonstrations(shown)
    for n in (0, -1, True, 1.0, "1"):
        with pytest.raises(DataError, match=f"{n!r} were asked for"):
            policy.set_demonstrations([(T, T)], n=n)
    assert acts() == before


def test_a_policy_that_is_pickled_in_the_midst_of_an_episode_goes_on_with_it(policy):
    policy.act(np.zeros(2))
    copy = pickle.loads(pickle.dumps(policy))
    assert np.array_equal(copy.act(np.ones(2)), policy.act(np.ones(2)))


def test_acting_takes_one_thread_and_leaves_the_number_as_it_was(policy, monkeypatch):
    seen, before = [], torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        act = policy._policy.act
        monkeypatch.setattr(
            policy._policy, "act", lambda *a: (seen.append(torch.get_num_threads()), act(*a))[1]
        )
        policy.act(np.zeros(2))
        assert (seen, torch.get_num_threads()) == ([1], 3)
    finally:
        torch.set_num_threads(before)


def test_a_policy_is_loaded_without_snakemake_and_without_its_environment():
    code = "import sys; sys.modules |= dict.fromkeys(['snakemake', 'd4rl', 'mujoco']); import fist;"
    code += f"import numpy as np; print(fist.load_policy({str(DEMO)!r}).act(np.zeros(60)).shape)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("(9,)\n", "")


def test_a_slim_copy_acts_as_the_policy_does_and_cannot_be_trained(cell, tmp_path):
    rows = evaluate(None, cell)
    export_policy(tmp_path / "slim", cell, slim=True)
    export_policy(tmp_path / "whole", cell)
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("slim", "whole")]
    assert sizes[0] < 0.7 * sizes[1]
    trial = load_exported(tmp_path / "slim", ["marks"])
    assert evaluate(None, trial) == rows
    model = load_model(trial.spec.model)
    s, a, noise = torch.zeros(1, 11, 2), torch.zeros(1, 10, 2), torch.zeros(1, 10)
    with pytest.raises(ValueError, match="no posterior: it acts and cannot be trained"):
        model.losses(s, a, noise)


def test_the_shipped_policy_is_small_and_says_what_it_is():
    files = [path for path in DEMO.iterdir() if path.name != "README.md"]
    assert sum(path.stat().st_size for path in files) <= 1_000_000
    cell = json.loads((DEMO / "cell.json").read_text())
    assert cell["labels"]["task"] == "demo" and cell["n_demos"] == 1
    model = json.loads((DEMO / "model.json").read_text())
    assert model["provenance"]["inputs"].keys() == {"play"}


def test_the_demo_ticks_off_what_the_robot_does(tmp_path):
    """Shown one demonstration of an order that play never contained, it does that order."""
    order = ["kettle", "top_burner", "slide_cabinet", "hinge_cabinet"]
    done = run_fist("demo", DEMO, "--order", *order, "--no-film", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ticks = re.findall(r"\[x\] (.+?) +step (\d+)", done.stdout)
    assert [name.replace(" ", "_") for name, _ in ticks] == order
    assert "4 of 4 subtasks" in done.stdout and "nothing more" in done.stdout
    assert [int(step) for _, step in ticks] == sorted(int(step) for _, step in ticks)


@pytest.mark.slow
def test_the_shipped_policy_does_its_task(tmp_path):
    rows = evaluate(None, replace(load_exported(DEMO), rollout=RolloutSettings(episodes=10)))
    assert sum(row.success for row in rows) >= 8


@pytest.mark.slow
def test_the_pipeline_makes_the_shipped_policy(made_pipeline, tmp_path):
    """In all but the values of its weights: the tests' models learn for a moment."""
    folder, cell = copy_made(made_pipeline, tmp_path / "copy"), "kitchen/demo/follow/seed_0"
    target = f"results/test/checkpoints/{cell}/cell.json"
    status, said = snakemake(folder, "-j2", *TINY, "--rerun-triggers", "mtime", "--", target)
    assert status == 0, said
    done = run_fist("export", (folder / target).parent, "--out", "made", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made, shipped = (
        {name: json.loads((place / f"{name}.json").read_text()) for name in ("cell", "model")}
        for place in (tmp_path / "made", DEMO)
    )
    for content in (made, shipped):
        assert content["cell"].pop("files").keys() == {
            *("demos.hdf5", "model.json", "model.safetensors")
        }
        assert content["cell"].pop("rollout").keys() == {
            *("batch", "episodes", "first_test_seed", "max_steps")
        }
        assert content["model"].pop("provenance")["inputs"].keys() == {"play"}
        content["model"].pop("sha256")
    assert made == shipped
    shapes = [
        {name: value.shape for name, value in load_file(place / "model.safetensors").items()}
        for place in (tmp_path / "made", DEMO)
    ]
    assert shapes[0] == shapes[1]


BAD = {
    ("demo", "nowhere"): "no cell.json in nowhere",
    ("demo", DEMO, "--order", "kettle", "ketle"): "no element is called 'ketle'",
    ("demo", DEMO, "--order", "kettle", "--demos", "0"): "episodes must be at least 1, got 0",
    ("demo", DEMO, "--demos", "5"): "5 demonstrations (--demos) of no order",
    ("eval", DEMO, "--demos", "nowhere.hdf5"): "nowhere.hdf5",
    ("eval", DEMO, "--n-demos", "3"): "holds 1 usable episodes, 3 were asked for",
    ("film", "."): "no cell.json in .",
    ("film", DEMO, "--out", "film.txt"): "film.txt is no name of a film",
    ("film", DEMO, "--size", "0"): "size is 0, must be at least 1",
    ("film", DEMO, "--episode", "-1"): "episode is -1, must be at least 0",
    ("film", DEMO, "--out", "/proc/nothing/film.mp4"): "/proc/nothing",
    ("fly",): "no command 'fly'",
}


@pytest.mark.parametrize(
    ("words", "reason"), BAD.items(), ids=[" ".join(map(str, w[:1])) for w in BAD]
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path, words, reason):
    done = run_fist(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert reason in done.stderr.splitlines()[0] and "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [("demo", DEMO, "--no-film"), ("--help",), ("eval", "--help")])
def test_a_command_whose_reader_has_seen_enough_ends_without_a_word(tmp_path, words, unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    command = [*FIST, *map(str, words)]
    how = {"cwd": tmp_path, "env": os.environ | {"PYTHONUNBUFFERED": unbuffered}}
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, **how)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_every_command_explains_itself_on_a_screen(tmp_path):
    listed = run_fist(cwd=tmp_path).stdout
    for name in COMMANDS:
        assert f"\n  {name} " in listed
        shown = run_fist(name, "--help", cwd=tmp_path)
        assert shown.returncode == 0 and len(shown.stdout.splitlines()) <= 40, shown.stdout


def test_eval_and_export_take_other_demonstrations(folder, tmp_path):
    save_episodes(tmp_path / "demos.hdf5", random_episodes([40, 25], state_dim=2, seed=9))
    given = ("--demos", "demos.hdf5", "--n-demos", "1", "--trusted", "marks")
    done = run_fist("export", folder, "--out", "copy", *given, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "copy" / "cell.json").read_text())["n_demos"] == 1
    results = []
    for words in ((folder, *given), ("copy", "--trusted", "marks")):
        done = run_fist("eval", *words, "--episodes", 2, "--out", "e.csv", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert re.search(r"success rate +\d\.\d\d \[\d\.\d\d, \d\.\d\d\]", done.stdout)
        results.append((tmp_path / "e.csv").read_text())
    assert results[0] == results[1]


class Robot:
    """Stands for the robot on the page."""

    def __init__(self, env):
        self.env, self.state, self.sent = env, env.reset(seed=0)[0], 0

    def observe(self):
        return self.state

    def send(self, action):
        self.state, *_ = self.env.step(action)
        self.sent += 1


@pytest.mark.slow
def test_the_page_on_use_works_word_by_word(tmp_path, monkeypatch, egl):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DEMO, "demo")
    names = {}
    blocks = re.findall(r"```(python|sh)\n(.*?)```", USE.read_text(), flags=re.S)
    assert [language for language, _ in blocks] == ["python"] * 4 + ["sh"]
    for _, block in blocks[:-1]:
        if "robot" in block:
            names["robot"] = Robot(names["policy"].make_env())
            block = block.replace("1 / 12.5", "0")
        exec(block, names)
    assert names["robot"].sent == 100
    for line in filter(None, blocks[-1][1].splitlines()):
        done = run_fist(*shlex.split(line, comments=True)[1:], cwd=tmp_path)
        assert done.returncode == 0, (line, done.stderr)
    assert {"film.mp4", "film.gif", "film.png", "shared"} <= {p.name for p in tmp_path.iterdir()}
    assert (tmp_path / "results/demo/demo.gif").stat().st_size < 2_000_000
