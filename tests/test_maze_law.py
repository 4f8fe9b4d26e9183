"""Laws of motion in a maze, against the MuJoCo model of it."""

import mujoco
import numpy as np
import pytest

from d4rl.contact import margins_add_up
from d4rl.maze.law import MARGIN, MASS, MAX_SPEED, RADIUS, Law
from d4rl.maze.layouts import CELL_LOW, LAYOUTS, layout
from d4rl.maze.model import maze_model

STATES = 10_000


def random_states(maze, n, rng, near_walls=0.5):
    """Return positions, velocities and actions (n, 2): half of them beside a border of their cell.

    Velocities and actions exceed their limits now and then.
    """
    cells = maze.cells[rng.integers(len(maze.cells), size=n)]
    within = rng.uniform(0.05, 0.95, (n, 2))
    beside = rng.random((n, 2)) < near_walls / 2
    within = np.where(beside, np.where(within < 0.5, 0.09, 0.91) + 0.02 * (within - 0.5), within)
    return cells - CELL_LOW + within, rng.uniform(-6, 6, (n, 2)), rng.uniform(-1.2, 1.2, (n, 2))


def twin_step(model, data, position, velocity, action):
    """Step MuJoCo once from a state; return the new one and the number of contacts."""
    data.qpos[:], data.qvel[:] = position, np.clip(velocity, -MAX_SPEED, MAX_SPEED)
    data.ctrl[:] = np.clip(action, -1, 1)
    data.qacc_warmstart[:] = 0
    mujoco.mj_step(model, data)
    return np.concatenate([data.qpos, data.qvel]), data.ncon


@pytest.mark.parametrize("name", LAYOUTS)
def test_one_step_is_that_of_mujoco(name):
    """From 10,000 random states: within 1e-12 without contact and 1e-5 with it (here: 1e-11)."""
    maze = layout(name)
    states = random_states(maze, STATES, np.random.default_rng(0))
    found = np.concatenate(Law(maze).step(*states), axis=1)
    model = maze_model(maze)
    data = mujoco.MjData(model)
    twins = [twin_step(model, data, *state) for state in zip(*states, strict=True)]
    contacts = np.array([contacts for _, contacts in twins])
    error = np.abs(found - np.array([state for state, _ in twins])).max(1)
    assert error[contacts == 0].max() <= 1e-12
    assert error[contacts > 0].max() <= 1e-11
    assert np.bincount(contacts, minlength=4).all()  # free, and up to three walls at once


def test_a_thousand_steps_are_those_of_mujoco():
    """Errors do not build up, bumping into walls included."""
    maze = layout("large")
    rng = np.random.default_rng(1)
    model, law = maze_model(maze), Law(maze)
    data = mujoco.MjData(model)
    position, velocity = np.array([[1.0, 1.0]]), np.zeros((1, 2))
    data.qpos[:] = position[0]
    touched = 0
    for step in range(1000):
        if step % 50 == 0:
            action = rng.uniform(-1, 1, (1, 2))
        data.ctrl[:], data.qvel[:] = action[0], data.qvel.clip(-MAX_SPEED, MAX_SPEED)
        mujoco.mj_step(model, data)
        position, velocity = law.step(position, velocity, action)
        touched += data.ncon > 0
    assert touched > 100
    np.testing.assert_allclose(position[0], data.qpos, atol=1e-9)
    np.testing.assert_allclose(velocity[0], data.qvel, atol=1e-9)


@pytest.mark.parametrize("name", LAYOUTS)
def test_no_push_drives_a_point_into_a_wall(name):
    """At full power for 300 steps, in any direction, the centre stays in a free cell."""
    maze = layout(name)
    rng = np.random.default_rng(2)
    position, velocity, action = random_states(maze, 2000, rng)
    for step in range(300):
        if step % 100 == 0:
            action = np.sign(action) * rng.integers(0, 2, action.shape)
        position, velocity = Law(maze).step(position, velocity, action)
    assert not maze.walls[tuple(maze.cell(position).T)].any()


def test_points_do_not_influence_each_other():
    maze = layout("large")
    states = random_states(maze, 500, np.random.default_rng(3))
    together = np.concatenate(Law(maze).step(*states), axis=1)
    alone = [
        np.concatenate(Law(maze).step(*(part[i : i + 1] for part in states)), 1)[0]
        for i in range(500)
    ]
    np.testing.assert_array_equal(together, alone)


def test_the_arguments_stay_as_they_are():
    states = random_states(layout("large"), 500, np.random.default_rng(4))
    copies = [part.copy() for part in states]
    Law(layout("large")).step(*states)
    for part, copy in zip(states, copies, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_the_model_keeps_the_contact_rules_it_was_made_for():
    """The margin of a pair is 2 mm, and walls are as soft as MuJoCo 2 made them."""
    model = maze_model(layout("large"))
    data = mujoco.MjData(model)
    data.qpos[:] = 0.3 + RADIUS + 0.9 * MARGIN, 1.0
    mujoco.mj_forward(model, data)
    assert [contact.includemargin for contact in data.contact] == pytest.approx([MARGIN])
    data.qpos[0] = 0.3 + RADIUS + 1.1 * MARGIN
    mujoco.mj_forward(model, data)
    assert data.ncon == 0
    assert model.geom_margin.max() == pytest.approx(MARGIN / 2 if margins_add_up() else MARGIN)
    assert model.body("point").mass[0] == pytest.approx(MASS)
    assert model.body_invweight0[model.body("point").id, 0] == pytest.approx(2 / (3 * MASS))
