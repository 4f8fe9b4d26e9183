"""Laws of the ant mazes: the environments, the walker, and the data that it records."""

import warnings
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pipeline_copy import copy_pipeline, plan

import d4rl
from d4rl.antmaze.ants import Ants
from d4rl.antmaze.env import AntMazeEnv
from d4rl.antmaze.generate import demonstrate, wander
from d4rl.antmaze.layouts import CELL, AntLayout
from d4rl.antmaze.model import ant_model
from d4rl.antmaze.task import STATE_NAMES, AntTask
from d4rl.antmaze.vector import AntMazeVectorEnv
from d4rl.antmaze.walker import Walker, fallen, heading
from d4rl.contact import margins_add_up
from d4rl.maze.layouts import LAYOUTS, layout
from d4rl.maze.task import REACHED
from d4rl_layout import read

MAZES = "umaze umaze-diverse medium-play medium-diverse large-play large-diverse".split()
IDS = [f"antmaze-{maze}-{version}" for maze in MAZES for version in ("v0", "v2")]
SECTIONS = ("lr", "ul", "ur")
OPEN = ["#" * 31, *["#" + "O" * 29 + "#"] * 29, "#" * 31]


def start(env, *xy):
    """Return the usual first state, at a place."""
    state = env.reset(seed=0)[0].copy()
    state[:2] = xy
    return state


@pytest.mark.parametrize("name", IDS)
@pytest.mark.filterwarnings("ignore:.*out of date")
def test_every_registered_ant_maze_passes_gymnasiums_check(name):
    env = gymnasium.make(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity.*")
        check_env(env.unwrapped, skip_render_check=True)
    assert env.spec.max_episode_steps == (700 if "umaze" in name else 1000)


@pytest.mark.parametrize("name", IDS)
@pytest.mark.filterwarnings("ignore:.*out of date")
def test_the_target_is_fixed_at_construction_in_v0_and_drawn_at_each_reset_in_v2(name):
    env = gymnasium.make(name)
    targets = np.array([env.reset(seed=seed)[1]["target"] for seed in range(200)])
    assert (len(np.unique(targets, axis=0)) == 1) == name.endswith("v0")
    goal = {"umaze": (0, 8), "medium": (20, 20), "large": (32, 24)}[name.split("-")[1]]
    beyond = targets - goal
    assert (beyond >= 0).all() and (beyond <= 1.5).all()
    if name.endswith("v2"):
        np.testing.assert_allclose(beyond.mean(0), 0.75, atol=0.1)


def test_every_id_has_d4rl_s_scale_of_returns():
    assert [d4rl.get_normalized_score(name, 0.5) for name in IDS] == [0.5] * 12


def test_the_readme_lists_every_id_and_section():
    text = (Path(__file__).parents[1] / "d4rl" / "README.md").read_text(encoding="utf-8")
    maze = AntLayout.read("large")
    for name in MAZES:
        assert f"-{name}-v0`" in text
    for section in maze.sections.values():
        places = maze.place(sorted(section.cells))
        (x0, y0), (x1, y1) = places.min(0).astype(int), places.max(0).astype(int)
        where = f"x {x0}–{x1} m, y {y0}–{y1} m: {len(section.cells)} cells"
        assert f"| `{section.name}` | {where} | {section.target} |" in text


def test_an_episode_starts_at_the_origin_in_the_usual_posture():
    env = AntMazeEnv()
    starts = np.array([env.reset(seed=seed)[0] for seed in range(300)])
    usual = [0, 0, 0.75, 1, 0, 0, 0, 0, 1, 0, -1, 0, -1, 0, 1]
    spread = starts[:, :15] - usual
    assert np.abs(np.delete(spread, [3, 4, 5, 6], 1)).max() <= 0.1
    np.testing.assert_allclose(np.linalg.norm(starts[:, 3:7], axis=1), 1.0)
    assert np.abs(starts[:, 15:].std(0) - 0.1).max() < 0.02
    assert len(STATE_NAMES) == starts.shape[1] == 29


def test_the_mazes_are_the_points_drawings_in_other_coordinates():
    """Of the large one every cell, and of all the sections the cells that are walled up."""
    ants, points = AntLayout.read("large"), layout("large")
    np.testing.assert_array_equal(ants.walls, points.walls)
    assert tuple(ants.sections) == SECTIONS
    np.testing.assert_array_equal(ants.cell(ants.place(ants.cells)), ants.cells)
    assert ants.place([1, 10]).tolist() == [36, 0] and ants.place([7, 1]).tolist() == [0, 24]
    x, y = {}, {}
    for name in SECTIONS:
        x[name], y[name] = ants.place(list(ants.sections[name].cells)).mean(0)
        np.testing.assert_array_equal(ants.without([name]).origin, ants.origin)
    assert x["lr"] > x["ul"] and y["lr"] < y["ul"] and x["ur"] > x["ul"] and y["ur"] > y["lr"]
    assert AntLayout.named.keys() == {"umaze", "medium", *LAYOUTS}


def test_the_model_has_d4rl_s_numbers():
    model = ant_model(AntLayout.read("large"))
    assert (model.nq, model.nv, model.nu) == (15, 14, 8)
    assert model.opt.timestep == 0.02 and model.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4
    np.testing.assert_array_equal(model.dof_armature, [0] * 6 + [1] * 8)
    np.testing.assert_array_equal(model.dof_damping, [0] * 6 + [1] * 8)
    np.testing.assert_array_equal(model.actuator_gear[:, 0], 30)
    names = [model.joint(int(joint)).name for joint in model.actuator_trnid[:, 0]]
    assert names == [f"{joint}_{leg}" for leg in (4, 1, 2, 3) for joint in ("hip", "ankle")]
    ranges = np.degrees(model.jnt_range[1:]).round(6).tolist()
    bent = [[30, 70], [-70, -30], [-70, -30], [30, 70]]
    assert ranges == [one for ankle in bent for one in ([-30, 30], ankle)]
    margin = 0.01 / (2 if margins_add_up() else 1)
    np.testing.assert_allclose(model.geom_margin, margin)
    assert model.body_subtreemass[model.body("torso").id] == pytest.approx(0.911, abs=0.001)
    # A leg bends down, and out along the diagonal that it lies on.
    data = mujoco.MjData(model)
    data.qpos[7:] = [0, 1, 0, -1, 0, -1, 0, 1]
    mujoco.mj_kinematics(model, data)
    feet = np.array([data.geom_xpos[model.body_geomadr[b]] for b in model.jnt_bodyid[2::2]])
    assert (feet[:, 2] < 0.6).all()
    np.testing.assert_array_equal(np.sign(feet[:, :2]), [[1, 1], [-1, 1], [-1, -1], [1, -1]])


def test_walls_are_where_the_map_has_them():
    """Between what the model's boxes and the map's obstacles cover there is no difference."""
    env = AntMazeEnv()
    points = np.random.default_rng(0).uniform([-6, -6], [42, 30], (2000, 2))

    def covered(low, high):
        inside = (points[:, None] >= low) & (points[:, None] <= high)
        return inside.all(2).any(1)

    boxes = env.model.geom_type == mujoco.mjtGeom.mjGEOM_BOX
    middle, half = env.model.geom_pos[boxes, :2], env.model.geom_size[boxes, :2]
    assert (env.model.geom_pos[boxes, 2] + env.model.geom_size[boxes, 2] == 2).all()
    low, size = env.obstacles[:, :2], env.obstacles[:, 2:]
    in_wall = ~env.layout.free(points)
    np.testing.assert_array_equal(covered(middle - half, middle + half), in_wall)
    np.testing.assert_array_equal(covered(low, low + size), in_wall)


def test_an_ant_at_the_target_has_succeeded_and_its_episode_ends():
    env = AntMazeEnv()
    for distance, near in ((REACHED + 0.2, False), (REACHED - 0.2, True)):
        target = np.array([4.0, 0.0])
        state = start(env, *(target - (0, distance)))
        _, info = env.reset(seed=0, options={"state": state, "target": target})
        assert info["success"] == near
        _, reward, terminated, truncated, info = env.step(np.zeros(8))
        assert (reward, terminated, truncated) == (float(near), near, False)
        assert info["success"] == near


@pytest.mark.parametrize("name", SECTIONS)
def test_an_ant_starts_outside_the_section_that_it_is_to_reach(name):
    env = AntMazeEnv(targets=[name], starts=10)
    starts = np.array([env.reset(seed=100_000 + i)[0] for i in range(20)])
    np.testing.assert_array_equal(starts[:10], starts[10:])
    assert len(np.unique(env.layout.cell(starts[:, :2]), axis=0)) == 10
    assert not env.element_complete(starts)[:, env.elements.index(name)].any()
    place = env.layout.place(env.layout.sections[name].target)
    assert np.abs(env.reset(seed=3)[1]["target"] - place).max() <= 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"maze": "huge"}, "no maze called 'huge'; known: umaze, medium, large"),
        ({"targets": ["left"]}, "no section 'left'; it knows lr, ul, ur"),
        ({"maze": "umaze", "targets": ["lr"]}, "it knows none: describe it in `sections`"),
        ({"view": "below"}, "view must be above or behind, not 'below'"),
        ({"target_seed": -1}, "target_seed must be 0 or more"),
        ({"maze": 3}, "maze: the name of a maze, or lines of #, O and G, not 3"),
        ({"maze": None}, "maze: the name of a maze, or lines of #, O and G, not None"),
        ({"maze": [["#"]]}, "maze: the name of a maze, or lines of #, O and G, not"),
        ({"sections": 3}, "sections: sections by their names, not 3"),
        ({"sections": {"a": {"blocked": "large-bul", "target": 3}}}, "target 3 is none"),
        ({"sections": {"a": {"blocked": "large-bul", "target": [[1], 2]}}}, "is none of the cells"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_clear_word(arguments, message):
    for make in (AntMazeEnv, lambda **kwargs: AntMazeVectorEnv(2, **kwargs)):
        with pytest.raises(ValueError, match=message):
            make(**arguments)


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        (2, 1e30, "option state holds 1e\\+30: all but x and y must be in"),
        (28, -101.0, "option state holds 101.0"),
        (slice(7, 15), 50.0, "the simulation of an ant has failed"),
    ],
)
def test_a_state_that_cannot_be_gone_on_from_is_refused(
    entry, value, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # MuJoCo notes there what fails
    for env in (AntMazeEnv("umaze"), AntMazeVectorEnv(2, maze="umaze")):
        state = env.reset(seed=0)[0].reshape(-1, 29)[0].copy()
        state[entry] = value
        with pytest.raises(ValueError, match=message):
            env.reset(options={"state": state})
            for _ in range(30):
                env.step(np.ones(env.action_space.shape))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_lane_does_what_the_single_environment_does_bit_for_bit(threads):
    """On any number of threads, over the end of an episode, and after a reset of some lanes."""
    kwargs = {"targets": ["ul"], "starts": 4, "max_episode_steps": 6}
    ours = gymnasium.make_vec(
        IDS[-1], 4, vectorization_mode="vector_entry_point", threads=threads, **kwargs
    )
    theirs = gymnasium.make_vec(IDS[-1], 4, vectorization_mode="sync", **kwargs)
    rng = np.random.default_rng(0)
    mask = np.array([True, False, True, False])
    for step in range(15):
        if step in (0, 10):
            options = {"reset_mask": mask} if step else {}
            said = [lanes.reset(seed=5, options=options) for lanes in (ours, theirs)]
        else:
            actions = rng.uniform(-1, 1, (4, 8)).astype(np.float32)
            said = [lanes.step(actions) for lanes in (ours, theirs)]
        np.testing.assert_equal(*said)


@pytest.mark.parametrize(("name", "steps"), [(IDS[1], 700), (IDS[-1], 1000)])
def test_lanes_have_the_usual_limit_of_their_maze(name, steps):
    assert gymnasium.make_vec(name, 1).unwrapped.max_episode_steps == steps
    assert AntMazeVectorEnv(1, None, maze=name.split("-")[1]).max_episode_steps == steps


def test_pictures_are_taken_from_above_and_from_behind(egl):
    frames = []
    for view in ("above", "behind"):
        kwargs = {"view": view, "render_mode": "rgb_array", "width": 96, "height": 64}
        with AntMazeEnv(**kwargs) as env:
            env.reset(seed=0)
            frames.append(env.render())
            env.reset(seed=0, options={"state": start(env, 8.0, 0.0), "target": (32.0, 24.0)})
            frames.append(env.render())
    assert [frame.shape for frame in frames] == [(64, 96, 3)] * 4
    above, moved, behind, follows = (frame.astype(int) for frame in frames)
    red = (behind[..., 0] - behind[..., 1:].max(2)) > 60  # the torso
    assert red[20:44, 30:66].any() and (above != moved).any() and (behind != follows).any()


def walk(directions, seed, steps, noise):
    """Return positions (steps + 1, B, 2), headings and whether ants fell, of walks in the open."""
    maze = AntLayout.read(OPEN)
    maze.origin = np.array([15, 15])
    ants, rng = len(directions), np.random.default_rng(seed)
    crowd, walker = Ants(ant_model(maze), ants), Walker(ants)
    states = AntTask(maze).states(np.tile(maze.origin, (ants, 1)), rng)
    crowd.put(range(ants), states)
    seen, fell, turned = [states[:, :2]], np.zeros(ants, dtype=bool), 0.0
    for _ in range(steps):
        actions = walker.act(states, directions) + noise * rng.standard_normal((ants, 8))
        states = crowd.step(actions.clip(-1, 1))
        seen.append(states[:, :2])
        fell |= fallen(states)
        turned = max(turned, np.abs(heading(states)).max())
    return np.array(seen), fell, turned


def test_the_walker_goes_in_any_direction_at_a_metre_a_second_without_falling_or_turning():
    """Twelve directions, with the noise that data are recorded with."""
    angles = np.arange(12) * np.pi / 6
    directions = np.stack((np.cos(angles), np.sin(angles)), 1)
    seen, fell, turned = walk(directions, seed=0, steps=100, noise=0.2)
    gone = seen[-1] - seen[0]
    along = (gone * directions).sum(1) / 10.0
    assert along.min() > 1.0 and not fell.any() and turned < np.pi / 2
    aside = np.linalg.norm(gone - 10 * along[:, None] * directions, axis=1)
    assert (aside / (10 * along)).max() < 0.5


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    path = tmp_path_factory.mktemp("play") / "play.hdf5"
    wander(path, ["no_ur"], 6, 3, steps=1800)
    return path


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    path = tmp_path_factory.mktemp("demos") / "demos.hdf5"
    return path, demonstrate(path, ["lr"], 2, 3, starts=2)


def test_play_keeps_out_of_the_section_and_has_d4rl_s_layout(play):
    data = read(play)
    assert {key: (value.dtype, value.shape[1:]) for key, value in data.items()} == {
        "observations": (np.float32, (29,)),
        "actions": (np.float32, (8,)),
        "rewards": (np.float32, ()),
        "terminals": (np.bool_, ()),
        "timeouts": (np.bool_, ()),
        "infos/qpos": (np.float32, (15,)),
        "infos/qvel": (np.float32, (14,)),
        "infos/goal": (np.float32, (2,)),
    }
    assert len(data["actions"]) == 1800 and data["timeouts"][299::300].all()
    maze = AntLayout.read("large")
    inside = maze.inside(data["observations"][:, :2])
    assert not inside[:, 2].any() and maze.free(data["observations"][:, :2]).all()
    rest = np.concatenate((data["infos/qpos"], data["infos/qvel"]), 1)
    np.testing.assert_array_equal(rest, data["observations"])


def test_an_ant_that_plays_walks_half_a_metre_a_second_and_does_not_fall(play):
    data = read(play)
    assert data["timeouts"].sum() == 6  # a fall would end an episode before its time
    place = data["infos/qpos"][:, :2].reshape(6, 300, 2)
    assert np.linalg.norm(np.diff(place, axis=1), axis=2).mean() / 0.1 > 0.5


def test_an_ant_with_a_demonstration_to_give_makes_half_a_metre_a_second_along_its_way(demos):
    """From cell to cell, as the crow flies: what it sways does not count."""
    data = read(demos[0])
    cells = AntLayout.read("large").cell(data["infos/qpos"][:, :2])
    passed = (np.diff(cells, axis=0) != 0).any(1).sum() - 1  # one of them from way to way
    assert CELL * passed / (0.1 * len(cells)) > 0.5


def test_a_demonstration_ends_at_the_target_and_starts_where_tests_do(demos):
    path, report = demos
    data = read(path)
    assert report["episodes"] == 2 and data["terminals"].sum() == 2 and not data["timeouts"].any()
    ends = np.flatnonzero(data["terminals"])
    begins = np.array([0, ends[0] + 1])
    maze = AntLayout.read("large")
    task = AntTask(maze, ["lr"], 2)
    np.testing.assert_array_equal(maze.cell(data["observations"][begins, :2]), task.start_cells)
    assert data["rewards"][ends].all() and maze.inside(data["observations"][ends, :2])[:, 0].all()
    target = maze.place(maze.sections["lr"].target)
    assert np.abs(data["infos/goal"] - target).max() <= 0.1


def test_the_bytes_depend_on_the_seed_and_not_on_the_threads(demos, tmp_path):
    demonstrate(tmp_path / "two.hdf5", ["lr"], 2, 3, workers=2, starts=2)
    assert (tmp_path / "two.hdf5").read_bytes() == demos[0].read_bytes()
    for name, seed, workers in (("a", 0, 1), ("b", 0, 2), ("c", 1, 1)):
        wander(tmp_path / name, ["mixed"], 3, seed, workers=workers, steps=60)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_where_an_ant_falls_its_episode_ends_and_another_begins(monkeypatch, tmp_path):
    drop = iter([False] * 9 + [True] + [False] * 99)
    monkeypatch.setattr(
        "d4rl.antmaze.generate.fallen", lambda states: np.array([next(drop), False])
    )
    report = wander(tmp_path / "play.hdf5", ["mixed"], 2, 0, steps=40)
    data = read(tmp_path / "play.hdf5")
    assert np.flatnonzero(data["timeouts"]).tolist() == [9, 19, 39] and report["episodes"] == 3
    jump = np.linalg.norm(np.diff(data["observations"][:, :2], axis=0), axis=1)
    assert jump[9] > 2 and np.delete(jump, [9, 19]).max() < 0.5


def test_a_drawing_and_a_section_of_ones_own_are_enough(tmp_path):
    maze = ["#####", "#OOO#", "#O#G#", "#####"]
    corner = {"corner": {"blocked": ["#####", "#OO##", "#O###", "#####"], "target": [2, 3]}}
    report = demonstrate(tmp_path / "d.hdf5", ["corner"], 1, 0, maze=maze, sections=corner)
    assert report["rows"] > 20
    env = AntMazeEnv(maze=maze, sections=corner, targets=["corner"])
    low, high = env.reset(seed=0)[1]["target"] - 0.1, env.reset(seed=0)[1]["target"] + 0.1
    assert (low <= (2 * CELL, CELL)).all() and (high >= (2 * CELL, CELL)).all()


def test_the_table_is_planned_from_data_that_is_generated_for_each_section(tmp_path):
    jobs = plan(copy_pipeline(tmp_path), "results/antmaze_table.csv", "--config", "seeds=[0]")
    made = {path for job in jobs for path in job.output}
    for name in SECTIONS:
        assert f"data/antmaze/raw/play/no_{name}.hdf5" in made
        for method in ("fist_no_finetuning", "fist", "spirl", "bc"):
            assert f"results/antmaze/{name}/{method}/seed_0/episodes.csv" in made


@pytest.mark.slow
def test_the_walker_falls_at_most_once_in_five_thousand_steps():
    angles = np.random.default_rng(1).uniform(0, 2 * np.pi, 50)
    directions = np.stack((np.cos(angles), np.sin(angles)), 1)
    assert sum(walk(directions, seed, 200, 0.2)[1].sum() for seed in range(3)) <= 6
