"""Laws of the figures that are drawn on a map."""

import gymnasium
import numpy as np
import pandas as pd
import pytest
from figure_drawing import draw

import d4rl  # noqa: F401  (registers the environments)
from d4rl.maze.generate import demonstrate, wander
from d4rl.maze.layouts import layout

MAZE = {"env_id": "maze2d-large-v1", "env_kwargs": {}, "map": ["x", "y"]}


@pytest.fixture(scope="module")
def env():
    return gymnasium.make("maze2d-large-v1")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    wander(folder / "no_left.hdf5", ["no_left"], 20, 0, steps=40_000)
    demonstrate(folder / "left.hdf5", ["left"], 2, 1)
    return {"no_left": folder / "no_left.hdf5", "left": folder / "left.hdf5"}


def write_trace(path, method, steps=12, looks_up=True):
    """Write a made-up trace of two episodes that walk up from (3, 1)."""
    rows = [
        {
            "env": "maze", "task": "left", "method": method, "seed": 0, "episode": episode,
            "test_seed": 100_000 + episode, "step": step, "counted": None,
            "state_x": 3.0, "state_y": 1.0 + 0.1 * step, "state_vx": 0.0, "state_vy": 1.0,
            "demo": episode if looks_up else None, "demo_step": step if looks_up else None,
            "distance": 0.1 if looks_up else None, "looked_up": int(looks_up and step % 5 == 0),
            "target_x": 3.0 if looks_up else None,
            "target_y": 1.5 + 0.1 * step if looks_up else None,
        }
        for episode in range(2)
        for step in range(steps)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def coverage(folder, files, **changes):
    needs = {"play": {("no_left",): files["no_left"]}, "demos": {("left",): files["left"]}}
    return draw("coverage", folder, needs, **(MAZE | changes))


def test_coverage_counts_every_row_where_it_was_and_none_in_a_walled_up_section(files, tmp_path):
    out = tmp_path / "coverage.csv"
    data = coverage(tmp_path, files)
    assert out.with_suffix(".pdf").stat().st_size > 0
    assert out.with_suffix(".png").stat().st_size > 0
    play = data[data.data_set == "no_left"]
    assert play.rows.sum() == 40_000
    maze = layout("large")
    column = [*maze.sections].index("left")
    inside = maze.inside(play[["x", "y"]].to_numpy())[:, column]
    assert not inside.any()
    shown = data[data.data_set == "left_demonstrations"]
    assert maze.inside(shown[["x", "y"]].to_numpy())[:, column].any()


def test_paths_show_every_traced_step_of_every_method(files, tmp_path):
    traces = {
        ("left", "fist", 0): write_trace(tmp_path / "fist.csv", "fist"),
        ("left", "spirl", 0): write_trace(tmp_path / "spirl.csv", "spirl", looks_up=False),
    }
    needs = {"traces": traces, "demos": {("left",): files["left"]}}
    data = draw("paths", tmp_path, needs, **MAZE)
    assert data.groupby(["method", "episode"]).size().tolist() == [12] * 4
    assert data[data.method == "fist"].target_x.notna().all()
    assert data[data.method == "spirl"].demo.isna().all()
    assert (tmp_path / "paths.pdf").exists()


def test_obstacles_are_the_walls_in_the_coordinates_of_the_state(env):
    maze = env.unwrapped.layout
    boxes = env.get_wrapper_attr("obstacles")
    assert len(boxes) == maze.walls.sum()
    for x, y, width, height in boxes:
        assert (width, height) == (1, 1)
        assert maze.walls[tuple(maze.cell(np.array([x + 0.5, y + 0.5])))]


def test_what_has_no_map_is_refused(files, tmp_path):
    with pytest.raises(ValueError, match="no entry of the state is called z; there are x, y, vx"):
        coverage(tmp_path, files, map=["x", "z"])
    with pytest.raises(ValueError, match="has no map: it lacks the attributes obstacles"):
        coverage(tmp_path, files, env_id="CartPole-v1")
    empty = tmp_path / "empty.csv"
    pd.DataFrame(columns=["task", "method"]).to_csv(empty, index=False)
    with pytest.raises(ValueError, match="empty.csv: no column env"):
        draw("paths", tmp_path, {"traces": {("left", "fist", 0): empty}, "demos": {}}, **MAZE)
