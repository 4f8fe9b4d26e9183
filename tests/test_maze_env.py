"""Laws of the maze environments, of their drawings and sections."""

import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import vector as wrappers

import d4rl
from d4rl.maze.env import MazeEnv
from d4rl.maze.layouts import LAYOUTS, SECTIONS, layout
from d4rl.maze.model import maze_model
from d4rl.maze.task import REACHED
from d4rl.maze.vector import MazeVectorEnv

SMALL = ["#####", "#OOO#", "#O#G#", "#####"]
CORNER = {"corner": {"blocked": ["#####", "#OO##", "#O###", "#####"], "target": [2, 3]}}


def pushed(env, seed, steps=60):
    """Return the observations and rewards of an episode under random pushes."""
    rng = np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    seen, rewards = [observation], []
    for _ in range(steps):
        observation, reward, *_ = env.step(rng.uniform(-1, 1, 2))
        seen.append(observation)
        rewards.append(reward)
    return np.array(seen), np.array(rewards)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_registered_maze_passes_gymnasiums_check(name):
    env = gymnasium.make(f"maze2d-{name}-v1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity.*")
        check_env(env.unwrapped, skip_render_check=True)
    assert env.spec.max_episode_steps == 800


def test_a_section_is_what_its_layout_walls_up_and_holds_its_target():
    maze = layout("large")
    assert sorted(maze.sections) == sorted(SECTIONS["large"])
    for section in maze.sections.values():
        walls = maze.without([section.name]).walls
        assert {*map(tuple, np.argwhere(walls != maze.walls).tolist())} == section.cells
        assert section.target in section.cells
    assert len(LAYOUTS) - 1 == len(maze.sections) == 6


def test_the_readme_lists_every_section_with_its_cells_and_target():
    text = (Path(__file__).parents[1] / "d4rl" / "README.md").read_text(encoding="utf-8")
    maze = layout("large")
    for name, row in (("left", "bleft"), ("right", "bright"), ("bottom", "blr")):
        section = maze.sections[name]
        (x0, y0), (x1, y1) = (f(np.array(sorted(section.cells)), axis=0) for f in (np.min, np.max))
        where = f"x {x0}–{x1}, y {y0}–{y1}: {len(section.cells)} cells"
        assert f"| `maze2d-large-{row}-v1` | {where} | `{name}` | {section.target} |" in text


def test_every_cell_of_every_maze_can_be_reached():
    for name in LAYOUTS:
        maze = layout(name)
        seen, edge = set(), [tuple(maze.cells[0].tolist())]
        while edge:
            i, j = edge.pop()
            if (i, j) not in seen and not maze.walls[i, j]:
                seen.add((i, j))
                edge += [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]
        assert len(seen) == len(maze.cells), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"maze": "huge"}, "no maze called 'huge'; known: large, large-blr"),
        ({"maze": ["###", "#O", "###"]}, "differ in length"),
        ({"maze": ["###", "#x#", "###"]}, "made of #, O and G, not \\['x'\\]"),
        ({"maze": ["###", "#OO", "###"]}, "open at its border"),
        ({"maze": ["###", "###"]}, "no free cell"),
        ({"targets": ["top"]}, "no section 'top'; it knows left, right"),
        ({"targets": ["left", "right"]}, r"one target, got \('left', 'right'\)"),
        ({"starts": -1}, "starts must be 0 to 1000000, a whole number, not -1"),
        ({"starts": 10**9}, "starts must be 0 to 1000000, a whole number, not 1000000000"),
        ({"maze": "x" * 10**6}, "no maze called 'xxx"),
        ({"sections": {"a": {"target": [1, 1]}}}, "section a needs `blocked`"),
        ({"sections": {"a": {"blocked": SMALL, "target": [1, 1]}}}, r"drawn \(4, 5\), the maze"),
        (
            {"maze": SMALL, "sections": {"a": {**CORNER["corner"], "target": [1, 1]}}},
            r"section a: target \[1, 1\] is none of the cells",
        ),
        ({"maze": SMALL, "targets": ["left"]}, "it knows none: describe it in `sections`"),
        ({"render_mode": "human"}, "render_mode must be None or 'rgb_array', not 'human'"),
        ({"height": -1}, "height must be 1 or more, a whole number, not -1"),
        ({"width": None}, "width must be 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_clear_word(arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        MazeEnv(**arguments)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("targets", ["left", b"left", None, 5, [None], [["left"]]])
def test_what_is_no_list_of_texts_is_no_list_of_targets(targets):
    with pytest.raises(TypeError, match="targets must be a list of names, not"):
        MazeEnv(targets=targets)


def test_lanes_without_end_are_refused():
    with pytest.raises(ValueError, match="num_envs must be 1 to 1000000"):
        MazeVectorEnv(10**9)


def test_an_episode_starts_in_a_free_cell_at_low_speed():
    env = MazeEnv()
    starts = np.array([env.reset(seed=seed)[0] for seed in range(400)])
    cells = np.round(starts[:, :2]).astype(int)
    assert np.abs(starts[:, :2] - cells).max() <= 0.1
    assert {*map(tuple, cells.tolist())} == {*map(tuple, env.layout.cells.tolist())}
    assert 0.08 < starts[:, 2:].std() < 0.12


def test_the_default_target_is_a_goal_of_the_drawing():
    env = MazeEnv()
    targets = np.array([env.reset(seed=seed)[1]["target"] for seed in range(50)])
    assert np.abs(targets - (7, 9)).max() <= 0.1 and targets.std(0).min() > 0.03


@pytest.mark.parametrize("name", SECTIONS["large"])
def test_fixed_reset_points_lie_outside_the_section_and_repeat_with_the_seed(name):
    env = MazeEnv(targets=[name], starts=10)
    starts = np.array([env.reset(seed=100_000 + i)[0] for i in range(20)])
    np.testing.assert_array_equal(starts[:10], starts[10:])
    np.testing.assert_array_equal(starts[:10], env.task.reset_points)
    assert len(np.unique(starts, axis=0)) == 10
    column = env.elements.index(name)
    assert not env.element_complete(starts)[:, column].any()
    targets = np.array([env.reset(seed=100_000 + i)[1]["target"] for i in range(20)])
    assert np.abs(targets - SECTIONS["large"][name]["target"]).max() <= 0.1
    assert len(np.unique(targets, axis=0)) == 20  # its place in the cell is drawn every time


def test_reaching_the_target_earns_a_reward_and_ends_an_episode_only_if_it_was_asked_for():
    for targets, ends in ((["left"], True), ([], False)):
        env = MazeEnv(targets=targets)
        _, info = env.reset(seed=3)
        for distance, near in ((REACHED + 0.03, False), (REACHED - 0.03, True)):
            state = np.array([*info["target"] - (0, distance), 0, 0])
            env.reset(seed=3, options={"state": state})
            _, reward, terminated, truncated, after = env.step(np.zeros(2))
            assert (reward, terminated, truncated) == (float(near), near and ends, False)
            assert after["success"] == near


def test_an_action_pushes_and_the_speed_is_limited():
    env = MazeEnv()
    env.reset(seed=0, options={"state": [1.0, 1.0, 0.0, 9.0]})
    observation, *_ = env.step([0.0, 0.0])
    assert observation[1] - 1.0 == pytest.approx(0.05, abs=2e-4)
    env.reset(seed=0, options={"state": [1.0, 1.0, 0.0, 0.0]})
    strong, *_ = env.step([0.0, 7.0])
    env.reset(seed=0, options={"state": [1.0, 1.0, 0.0, 0.0]})
    full, *_ = env.step([0.0, 1.0])
    np.testing.assert_array_equal(strong, full)
    assert full[3] == pytest.approx(100 * 0.01 / 4.19, rel=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (3, "reset options are 3, expected a dictionary"),
        ({"qpos": [1, 1]}, "unknown reset option 'qpos'; known: state, target"),
        ({"qpos": [1, 1], 3: 4}, "unknown reset option 'qpos', 3; known: state, target"),
        ({"state": [1, 1]}, "option state must be .*4 finite numbers, got .1, 1."),
        ({"state": [10**400] * 4}, "option state must be .*4 finite numbers"),
        ({"state": ["1", "1", "0", "0"]}, "option state must be .*4 finite numbers"),
        ({"state": [1, 1, 1j, 0]}, "option state must be .*4 finite numbers"),
        ({"state": [1, 1, 0, -1e30]}, r"option state holds 1e\+30: all but x and y must be in"),
        ({"a\nb": 1}, r"unknown reset option 'a\\nb'"),
        ({"state": [0, 0, 0, 0]}, r"option state leads into a wall, at \[0.0, 0.0\]"),
        ({"state": [-5, 40, 0, 0]}, "option state leads into a wall"),
        ({"target": [1, 1, 1]}, "option target must be .*2 finite numbers"),
        ({"target": [[1, 1]] * 3}, "option target must be .*2 finite numbers"),
        ({"target": [1, np.nan]}, "option target must be .*2 finite numbers"),
        ({"target": None}, "option target must be .*2 finite numbers, got None"),
        ({"target": "left"}, "option target must be .*2 finite numbers, got 'left'"),
        ({"target": [[1], 1]}, "option target must be .*2 finite numbers"),
        ({"target": [3.8, 3.8]}, r"option target leads into a wall, at \[3.8, 3.8\]"),
        ({"target": [1e300, -1e300]}, "option target leads into a wall"),
    ],
)
def test_a_start_or_target_that_cannot_be_is_refused(options, message):
    for env in (MazeEnv(), MazeVectorEnv(2, 10)):
        with pytest.raises(ValueError, match=message):
            env.reset(seed=0, options=options)


@pytest.mark.parametrize("options", [{}, {"state": [3.0, 3.0, 1.0, 0.0]}])
def test_a_target_can_be_fixed_and_changes_nothing_else(options):
    env, lanes = MazeEnv(), MazeVectorEnv(2, 10)
    start, _ = env.reset(seed=3, options=options)
    target = (3.0, 5.0)
    for _ in range(2):
        state, info = env.reset(seed=3, options={"target": target, **options})
        np.testing.assert_array_equal(state, start)
        np.testing.assert_array_equal(info["target"], target)
    _, info = env.reset(seed=3)
    assert (info["target"] != target).all()  # only for that episode
    states, info = lanes.reset(seed=[3, 3], options={"target": target, **options})
    np.testing.assert_array_equal(states, [start] * 2)
    np.testing.assert_array_equal(info["target"], [target] * 2)
    env = MazeEnv(targets=["left"])
    env.reset(seed=0, options={"target": target, "state": [3.0, 4.8, 0.0, 0.0]})
    assert env.step([0.0, 0.0])[1:3] == (1.0, True)


def test_options_and_masks_may_differ_from_lane_to_lane():
    """A lane that is not in the mask goes on where it is, whatever its rows say."""
    env = MazeVectorEnv(3, 10)
    before, _ = env.reset(seed=0)
    states = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [3, 3, 0, 1]], dtype=float)
    mask = np.array([True, False, True])
    options = {"state": states, "target": states[:, 1::-1], "reset_mask": mask}
    after, info = env.reset(options=options)
    np.testing.assert_array_equal(after[mask], states[mask])
    np.testing.assert_array_equal(after[1], before[1])
    np.testing.assert_array_equal(info["target"][mask], states[mask][:, 1::-1])
    assert options["reset_mask"] is mask  # wrappers read it afterwards


def test_actions_that_are_no_numbers_are_refused():
    env, lanes = MazeEnv(), MazeVectorEnv(2, 10)
    env.reset(seed=0)
    lanes.reset(seed=0)
    with pytest.raises(ValueError, match="2 finite numbers"):
        env.step([np.nan, 0])
    with pytest.raises(ValueError, match="2 x 2 finite numbers"):
        lanes.step(np.zeros((2, 3)))


def test_two_episodes_of_one_seed_are_equal_and_another_seed_differs():
    env = MazeEnv()
    first, _ = pushed(env, 5)
    np.testing.assert_array_equal(pushed(env, 5)[0], first)
    assert (pushed(env, 6)[0] != first).any()


def test_a_lane_does_what_the_single_environment_does():
    """From the same seeds and actions: the same start and target, and the same motion to 1e-9."""
    kwargs = {"targets": ["right"], "starts": 4}
    lanes = gymnasium.make_vec(
        "maze2d-large-v1", 3, vectorization_mode="vector_entry_point", **kwargs
    )
    seeds = [11, 7, 12]
    observations, info = lanes.reset(seed=seeds)
    seen = [(observations, info["target"])]
    rng = np.random.default_rng(0)
    pushes = rng.uniform(-1, 1, (200, 3, 2))
    for push in pushes:
        observations, *_, info = lanes.step(push)
        seen.append((observations, info["target"]))
    for lane, seed in enumerate(seeds):
        env = MazeEnv(**kwargs)
        state, info = env.reset(seed=seed)
        np.testing.assert_array_equal(state, seen[0][0][lane])
        for (observations, targets), push in zip(seen[1:], pushes[:, lane], strict=True):
            state, *_, info = env.step(push)
            np.testing.assert_allclose(observations[lane], state, atol=1e-9)
            np.testing.assert_array_equal(targets[lane], info["target"])


@pytest.mark.parametrize(
    ("kwargs", "near", "target"),
    [
        ({"maze": SMALL}, [2.0, 2.7], [2, 3]),
        ({"targets": ["left"], "starts": 3}, [3, 9.6], [3, 10]),
    ],
)
def test_lanes_keep_to_the_protocol_of_gymnasiums_own_vector_environment(kwargs, near, target):
    """Observations, rewards, ends, infos and their masks, over many episodes and resets of some."""
    ours, theirs = both = [
        gymnasium.make_vec(
            "maze2d-large-v1", 4, vectorization_mode=mode, max_episode_steps=13, **kwargs
        )
        for mode in ("vector_entry_point", "sync")
    ]
    assert ours.metadata == theirs.metadata
    for space in ("observation_space", "single_observation_space", "action_space"):
        assert getattr(ours, space) == getattr(theirs, space)
    options = {"state": [*near, 0, 0], "target": target}  # some start where they are to go
    rng, ends = np.random.default_rng(0), []

    def compare(ours, theirs):
        ours, theirs = ({**dict(enumerate(said[:-1])), **said[-1]} for said in (ours, theirs))
        assert ours.keys() == theirs.keys()
        for name, array in theirs.items():
            assert ours[name].dtype == array.dtype
            np.testing.assert_allclose(ours[name], array, rtol=0, atol=1e-9)

    compare(*(lanes.reset(seed=5) for lanes in both))
    for step in range(300):
        actions = rng.uniform(-1, 1, (4, 2)).astype(np.float32)
        said = theirs.step(actions)
        compare(ours.step(actions), said)
        ends.append(said[2:4])
        if step % 5 == 4:
            seed = [7, None, step, 8] if step % 2 else step
            mask = said[2] | said[3] | (np.arange(4) == step % 4)
            compare(*(x.reset(seed=seed, options=options | {"reset_mask": mask}) for x in both))
    terminated, truncated = np.array(ends).swapaxes(0, 1)
    assert truncated.sum() > 10 and (terminated.sum() > 10) == ("targets" in kwargs)


def test_gymnasiums_wrappers_count_the_episodes_there_are():
    lanes = gymnasium.make_vec("maze2d-large-v1", 2, max_episode_steps=5)
    lanes = wrappers.RecordEpisodeStatistics(wrappers.NormalizeReward(lanes))
    lanes.reset(seed=0, options={"state": [7.0, 9.0, 0.0, 0.0]})
    for _ in range(10):
        *_, info = lanes.step(np.zeros((2, 2)))
    assert list(lanes.length_queue) == [5, 5]
    mask = np.array([True, False])
    lanes.reset(options={"reset_mask": mask})
    assert lanes.episode_lengths.tolist() == [0, 4]


def test_without_a_limit_an_episode_goes_on():
    for limit, cut in ((-1, 0), (3, 1)):
        lanes = gymnasium.make_vec("maze2d-large-v1", 1, max_episode_steps=limit)
        lanes.reset(seed=0)
        assert sum(lanes.step(np.zeros((1, 2)))[3].item() for _ in range(4)) == cut


def test_lanes_are_reset_before_anything_else():
    lanes = MazeVectorEnv(2, render_mode="rgb_array")
    for call in (
        lambda: lanes.step(np.zeros((2, 2))),
        lanes.render,
        lambda: lanes.reset(options={"reset_mask": np.array([True, False])}),
    ):
        with pytest.raises(gymnasium.error.ResetNeeded, match="reset"):
            call()


@pytest.mark.parametrize("mask", [[True, False], np.zeros(2, bool), np.ones(3, bool), np.ones(2)])
def test_a_mask_of_no_lane_or_another_kind_is_refused(mask):
    with pytest.raises(ValueError, match="reset_mask must be a NumPy array of 2 bools"):
        MazeVectorEnv(2).reset(options={"reset_mask": mask})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "num_envs must be 1"),
        ({"num_envs": 2.0}, "num_envs must be 1"),
        ({"max_episode_steps": 0}, "max_episode_steps, if not -1, must be 1 or"),
        ({"max_episode_steps": "5"}, "max_episode_steps, if not -1, must be 1 or"),
    ],
)
def test_numbers_of_lanes_and_steps_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MazeVectorEnv(**{"num_envs": 1, **arguments})


@pytest.mark.parametrize("asked", [{}, {"max_episode_steps": None}, {"max_episode_steps": 7}])
def test_lanes_have_as_many_steps_as_one_environment_for_the_same_request(asked):
    one = gymnasium.make("maze2d-large-v1", **asked)
    lanes = gymnasium.make_vec("maze2d-large-v1", num_envs=2, **asked)
    assert lanes.max_episode_steps == one.spec.max_episode_steps


def test_a_reset_that_is_refused_changes_nothing():
    env = MazeEnv()
    for refused in ({"target": (0.5, -1.0)}, {"state": (-1.0, 0.0, 0.0, 0.0)}):
        with pytest.raises(ValueError, match="leads into a wall"):
            env.reset(options=refused)
        with pytest.raises(gymnasium.error.ResetNeeded, match="call reset before step"):
            env.step(np.zeros(2))
    _, info = env.reset(seed=0)
    with pytest.raises(ValueError, match="leads into a wall"):
        env.reset(options={"target": (-1.0, -1.0)})
    np.testing.assert_array_equal(env.step(np.zeros(2))[-1]["target"], info["target"])


def test_environments_draw_their_actions_by_themselves():
    one, other = MazeEnv(), MazeEnv()
    one.action_space.seed(0)
    first = one.action_space.sample()
    other.action_space.sample()
    one.action_space.seed(0)
    other.action_space.sample()
    np.testing.assert_array_equal(one.action_space.sample(), first)


def test_one_seed_for_all_lanes_counts_up_and_their_number_is_checked():
    env = MazeVectorEnv(3, 10)
    observations, _ = env.reset(seed=8)
    for seeds in ([8, 9, 10], np.array([8, 9, 10])):
        np.testing.assert_array_equal(observations, env.reset(seed=seeds)[0])
    with pytest.raises(ValueError, match="3 lanes need as many seeds, got 2"):
        env.reset(seed=[1, 2])


def test_stepping_many_points_needs_no_mujoco():
    code = (
        "import sys, gymnasium, d4rl; "
        "env = gymnasium.make_vec('maze2d-large-v1', 2, vectorization_mode='vector_entry_point'); "
        "env.reset(seed=0); env.step(env.action_space.sample()); "
        "sys.exit('mujoco' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_drawn_maze_has_the_sections_it_is_given():
    env = MazeEnv(maze=SMALL, sections=CORNER, targets=["corner"])
    observation, info = env.reset(seed=0)
    assert env.elements == ("corner",)
    assert np.abs(info["target"] - (2, 3)).max() <= 0.1
    assert not env.element_complete(observation[None])[0, 0]
    assert env.element_complete(np.array([[2.0, 3.0, 0, 0], [1.0, 3.0, 0, 0]])).all()
    assert not env.element_moved(observation[None]).any()


def test_scores_are_normalised_as_d4rl_does():
    assert d4rl.get_normalized_score("d4rl:maze2d-large-v1", 273.99) == pytest.approx(1.0)
    assert d4rl.get_normalized_score("maze2d-large-v1", 6.7) == 0.0


def test_a_picture_shows_walls_point_and_target_from_above(egl):
    """The first coordinate points right, the second up."""
    env = MazeEnv(targets=["left"], render_mode="rgb_array", width=360, height=480)
    env.reset(seed=0, options={"state": [7.0, 1.0, 0, 0]})
    frame = env.render().astype(int)
    assert frame.shape == (480, 360, 3)

    def colour(x, y):  # around a place; the picture shows a little more than 9 x 12 cells
        scale = 480 / 12.4
        row, column = int(240 - scale * (y - 5.3)), int(180 + scale * (x - 3.8))
        return frame[row - 1 : row + 2, column - 1 : column + 2].mean((0, 1))

    red, green, blue = colour(7, 1)
    assert red > green + 60 and red > blue + 60  # the point
    red, green, blue = colour(3, 10)
    assert green > red + 20  # the target
    assert colour(3.8, 3.8).mean() < colour(2.8, 3.8).mean() - 40  # a wall, a free cell
    env.close()


def test_pictures_change_nothing(egl):
    plain, _ = pushed(MazeEnv(), 1)
    env = MazeEnv(render_mode="rgb_array", width=32, height=32)
    env.reset(seed=1)
    env.render()
    np.testing.assert_array_equal(pushed(env, 1)[0], plain)
    env.step(np.zeros(2))
    env.render()
    state = env.data.qpos.copy()
    env.render()
    np.testing.assert_array_equal(env.data.qpos, state)
    assert MazeEnv().render() is None
    env.close()


def test_mujoco_solves_contacts_to_the_end():
    assert maze_model(layout("large")).opt.tolerance <= 1e-12
    assert int(maze_model(layout("large")).opt.integrator) == int(mujoco.mjtIntegrator.mjINT_EULER)
