"""Laws of the way-point controller and of data recorded in mazes."""

import os

import h5py
import numpy as np
import pytest

from d4rl.maze.controller import WaypointController, plan
from d4rl.maze.generate import NOISE, PATIENCE, demonstrate, held_out, wander
from d4rl.maze.law import Law
from d4rl.maze.layouts import SECTIONS, layout
from d4rl.maze.task import Task

STEPS, WALKS = 60_000, 12


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    """Return a recording of play without the left section, as arrays."""
    path = tmp_path_factory.mktemp("play") / "made" / "no_left.hdf5"
    summary = wander(path, ["no_left"], WALKS, 3, steps=STEPS)
    assert summary == {"sequence": "no_left", "seed": 3, "episodes": WALKS, "rows": STEPS}
    return path


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    path = tmp_path_factory.mktemp("demos") / "right.hdf5"
    return path, demonstrate(path, ["right"], 10, 3, minimum_length=200)


def read(path):
    with h5py.File(path) as file:
        keys = []
        file.visit(keys.append)
        return {key: file[key][()] for key in keys if isinstance(file[key], h5py.Dataset)}


def test_a_plan_leads_from_every_cell_to_every_goal_by_the_shortest_way():
    maze = layout("large")
    cells = [tuple(cell) for cell in maze.cells.tolist()]
    way = plan(maze)
    for g, goal in enumerate(cells):
        distance = {goal: 0}
        edge = [goal]
        for i, j in edge:
            for cell in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if cell in cells and cell not in distance:
                    distance[cell] = distance[i, j] + 1
                    edge.append(cell)
        for c, cell in enumerate(cells):
            if cell != goal:
                assert distance[tuple(way[g, c].tolist())] == distance[cell] - 1


def test_the_controller_arrives_from_everywhere_without_noise():
    maze = layout("large")
    rng = np.random.default_rng(0)
    lanes = len(maze.cells)
    controller, law = WaypointController(maze, lanes, rng), Law(maze)
    position, velocity = maze.cells.astype(float), np.zeros((lanes, 2))
    goals = maze.cells[rng.permutation(lanes)]
    controller.set_goals(np.arange(lanes), position, goals)
    arrived = np.zeros(lanes, bool)
    for _ in range(PATIENCE):
        actions, now = controller.act(np.concatenate((position, velocity), 1))
        new = now & ~arrived
        assert np.linalg.norm(position[new] - goals[new], axis=1).max(initial=0.0) < 0.1
        arrived |= now
        position, velocity = law.step(position, velocity, actions)
    assert arrived.all()


def test_a_recording_of_play_has_d4rl_s_layout(play):
    data = read(play)
    assert {key: (value.dtype, value.shape) for key, value in data.items()} == {
        "observations": (np.float32, (STEPS, 4)),
        "actions": (np.float32, (STEPS, 2)),
        "rewards": (np.float32, (STEPS,)),
        "terminals": (np.bool_, (STEPS,)),
        "timeouts": (np.bool_, (STEPS,)),
        "infos/qpos": (np.float32, (STEPS, 2)),
        "infos/qvel": (np.float32, (STEPS, 2)),
        "infos/goal": (np.float32, (STEPS, 2)),
    }
    assert np.flatnonzero(data["timeouts"]).tolist() == [*range(4999, STEPS, 5000)]
    assert not data["terminals"].any() and not data["rewards"].any()
    assert np.abs(data["actions"]).max() == 1.0


@pytest.mark.parametrize("kind", ["play", "demos"])
def test_every_row_holds_the_true_state_before_its_action(kind, play, demos):
    """Row t's state and action make row t+1's state, at every row; none is stale."""
    data = read(play if kind == "play" else demos[0])
    states = data["observations"]
    np.testing.assert_array_equal(np.hstack([data["infos/qpos"], data["infos/qvel"]]), states)
    walls = layout("large").without(["left"] if kind == "play" else [])
    within = np.flatnonzero(~(data["timeouts"] | data["terminals"])[:-1])
    before = states[within].astype(np.float64)
    after = np.hstack(Law(walls).step(before[:, :2], before[:, 2:], data["actions"][within]))
    # In contact, what float32 leaves out of a position is a force.
    error = np.abs(after - states[within + 1]).max(1)
    assert np.median(error) < 1e-6 and np.quantile(error, 0.99) < 1e-4 and error.max() < 1e-2


def test_the_walled_up_section_is_empty_and_the_rest_is_not(play):
    maze = layout("large")
    cells = {*map(tuple, maze.cell(read(play)["infos/qpos"]).tolist())}
    assert cells == {*map(tuple, maze.cells.tolist())} - maze.sections["left"].cells


def test_play_goes_to_a_new_goal_on_arrival_or_when_patience_ends(play):
    data = read(play)
    goal, position = data["infos/goal"], data["infos/qpos"]
    changed = np.flatnonzero((goal[1:] != goal[:-1]).any(1) & ~data["timeouts"][:-1])
    runs = np.diff(changed)
    same = (changed[:-1] // 5000) == (changed[1:] // 5000)
    assert runs[same].max() <= PATIENCE
    arrived = np.linalg.norm(position[changed] - np.round(goal[changed]), axis=1) < 0.1
    gave_up = np.r_[False, runs == PATIENCE]
    assert (arrived | gave_up)[1:][same].all() and arrived.mean() > 0.9


def test_actions_carry_noise_of_the_controller_s_size(play):
    """Where the controller asks for little, the action is little more than noise."""
    data = read(play)
    calm = np.abs(data["actions"]).max(1) < 1
    steps = np.diff(data["actions"][:, 0])[calm[:-1] & calm[1:]]
    assert 0.5 * NOISE < steps.std() < 1.5 * NOISE


def test_demonstrations_go_from_outside_the_section_to_one_place_in_it(demos):
    path, summary = demos
    data = read(path)
    maze = layout("large")
    ends = np.flatnonzero(data["terminals"])
    starts = np.r_[0, ends[:-1] + 1]
    lengths = ends - starts + 1
    assert len(ends) == summary["episodes"] == 10 and ends[-1] == summary["rows"] - 1
    assert lengths.min() >= 200 and summary["mean_length"] == lengths.mean()
    assert not data["timeouts"].any()
    goal = np.unique(data["infos/goal"], axis=0)
    assert len(goal) == 1 and np.abs(goal - SECTIONS["large"]["right"]["target"]).max() <= 0.1
    column = [*maze.sections].index("right")
    inside = maze.inside(data["infos/qpos"])[:, column]
    assert not inside[starts].any() and inside[ends].all()
    assert data["rewards"][ends].all() and not data["rewards"][starts].any()
    near = np.linalg.norm(data["infos/qpos"] - goal, axis=1)
    earned = data["rewards"][:-1][~data["terminals"][:-1]].astype(bool)
    np.testing.assert_array_equal(earned, (near <= 0.5)[1:][~data["terminals"][:-1]])


def test_demonstrations_start_in_the_cells_of_the_reset_points_at_other_places(tmp_path):
    demonstrate(tmp_path / "left.hdf5", ["left"], 8, 0, starts=4)
    data = read(tmp_path / "left.hdf5")
    begins = np.r_[0, np.flatnonzero(data["terminals"])[:-1] + 1]
    starts = data["observations"][begins]
    task = Task(layout("large"), ["left"], 4)
    np.testing.assert_array_equal(np.round(starts[:, :2]), np.tile(task.start_cells, (2, 1)))
    np.testing.assert_array_equal(np.round(task.reset_points[:, :2]), task.start_cells)
    everything = np.concatenate([starts, task.reset_points])
    assert len(np.unique(everything[:, :2], axis=0)) == 12


def test_the_bytes_depend_on_the_seed_and_not_on_the_workers(play, demos, tmp_path):
    wander(tmp_path / "two.hdf5", ["no_left"], WALKS, 3, workers=2, steps=STEPS)
    assert (tmp_path / "two.hdf5").read_bytes() == play.read_bytes()
    demonstrate(tmp_path / "demos.hdf5", ["right"], 10, 3, workers=2, minimum_length=200)
    assert (tmp_path / "demos.hdf5").read_bytes() == demos[0].read_bytes()
    wander(tmp_path / "four.hdf5", ["no_left"], WALKS, 4, steps=STEPS)
    assert not np.array_equal(read(tmp_path / "four.hdf5")["actions"], read(play)["actions"])
    demonstrate(tmp_path / "other.hdf5", ["right"], 10, 4)
    assert not np.array_equal(
        read(tmp_path / "other.hdf5")["actions"][:100], read(demos[0])["actions"][:100]
    )


def test_the_name_of_a_recording_says_what_it_leaves_out():
    assert held_out(["mixed"]) == []
    assert held_out(["no_left"]) == ["left"]
    assert held_out("no_left-right".split("-")) == ["left", "right"]


@pytest.mark.parametrize(
    ("make", "change", "error", "message"),
    [
        (wander, {"sequence": ["left"]}, ValueError, "called mixed, no_SECTION .* not 'left'"),
        (wander, {"sequence": ["no_top"]}, ValueError, "no section 'top'"),
        (wander, {"steps": 7}, ValueError, "steps is 7: not a multiple of episodes, 2"),
        (wander, {"episodes": 0}, ValueError, "episodes must be at least 1, got 0"),
        (wander, {"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        (wander, {"workers": 0}, ValueError, "workers must be at least 1, got 0"),
        (demonstrate, {"sequence": ["top"]}, ValueError, "no section 'top'"),
        (demonstrate, {"sequence": ["left", "right"]}, ValueError, "one target"),
        (
            demonstrate,
            {"sequence": ["left"], "minimum_length": 1900},
            ValueError,
            "only 0 of 40 demonstrations of left arrive after 1900",
        ),
    ],
)
def test_impossible_requests_are_refused_and_leave_no_file(make, change, error, message, tmp_path):
    arguments = {"sequence": ["no_left"], "episodes": 2, "seed": 0} | change
    with pytest.raises(error, match=message):
        make(tmp_path / "no.hdf5", **arguments)
    assert os.listdir(tmp_path) == []


def test_an_interrupted_write_leaves_nothing_behind(monkeypatch, tmp_path):
    path = tmp_path / "play.hdf5"
    path.write_text("old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(OSError, match="No space left"):
        wander(path, ["mixed"], 2, 0, steps=20)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["play.hdf5"]
