"""The MuJoCo model of a maze, built from its drawing."""

import mujoco
import numpy as np

from ..contact import margins_add_up
from ..rendering import Camera
from .law import DAMPING, DENSITY, GEAR, INVERSE_WEIGHT, MARGIN, RADIUS, TIMESTEP
from .layouts import CELL_LOW, Layout

ORIGIN = CELL_LOW + 0.5
"""World coordinates minus the point's: cell (i, j) is centred at (i + 1, j + 1) in the world."""

_MJCF = """
<mujoco model="maze">
  <compiler autolimits="true"/>
  <option timestep="{timestep}" gravity="0 0 0" integrator="Euler" tolerance="1e-12"/>
  <visual>
    <headlight ambient="0.5 0.5 0.5" diffuse="0.5 0.5 0.5" specular="0 0 0"/>
    <quality offsamples="4" shadowsize="0"/>
    <global offwidth="2048" offheight="2048"/>
  </visual>
  <asset>
    <texture type="skybox" builtin="flat" rgb1="1 1 1" rgb2="1 1 1" width="8" height="8"/>
  </asset>
  <default>
    <geom condim="1" margin="{margin}" contype="0" conaffinity="0"/>
  </default>
  <worldbody>
    <geom type="plane" pos="{middle} -0.1" size="{half} 0.1" rgba="0.93 0.93 0.9 1"/>
{walls}
    <body name="target" mocap="true" pos="0 0 -10">
      <geom type="cylinder" size="0.5 0.01" rgba="0.2 0.7 0.3 0.5"/>
    </body>
    <body name="point" pos="{origin} {origin} 0">
      <joint name="x" type="slide" axis="1 0 0" damping="{damping}"/>
      <joint name="y" type="slide" axis="0 1 0" damping="{damping}"/>
      <geom type="sphere" size="{radius}" density="{density}" contype="1" rgba="0.8 0.2 0.2 1"/>
    </body>
  </worldbody>
  <actuator>
    <motor joint="x" gear="{gear}" ctrlrange="-1 1"/>
    <motor joint="y" gear="{gear}" ctrlrange="-1 1"/>
  </actuator>
</mujoco>
"""
_WALL = '<geom type="box" pos="{} {} 0" size="0.5 0.5 0.1" conaffinity="1" rgba="0.35 0.4 0.5 1"/>'


def maze_model(layout: Layout) -> mujoco.MjModel:
    """Compile a maze.

    Two rules of MuJoCo have changed since D4RL's maze was made, and are set to what they were: the
    contact margin of a pair is the larger of the two, and the softness of walls is scaled by the
    mean of the inverse mass over three directions.
    """
    rows, columns = layout.walls.shape
    walls = "\n".join(_WALL.format(i + 1, j + 1) for i, j in np.argwhere(layout.walls))
    middle, half = f"{(rows + 1) / 2} {(columns + 1) / 2}", f"{rows / 2} {columns / 2}"
    physics = {"timestep": TIMESTEP, "margin": MARGIN, "damping": DAMPING, "gear": GEAR}
    ball = {"origin": ORIGIN, "radius": RADIUS, "density": DENSITY}
    xml = _MJCF.format(middle=middle, half=half, walls=walls, **physics, **ball)
    model = mujoco.MjModel.from_xml_string(xml)
    if margins_add_up():
        model.geom_margin *= 0.5
    model.body_invweight0[model.body("point").id, 0] = INVERSE_WEIGHT
    return model


def camera_above(layout: Layout, width: int, height: int) -> Camera:
    """Return a camera that sees all of a maze from above in a picture of this size."""
    rows, columns = layout.walls.shape
    return fitting(np.array([0.5, 0.5]), np.array([rows + 0.5, columns + 0.5]), width, height)


def fitting(low: np.ndarray, high: np.ndarray, width: int, height: int) -> Camera:
    """Return a camera that sees from above all between two corners (2,), the first to the right."""
    across, up = (high - low) / 2
    reach = max(up, across * height / width) + 0.2
    distance = reach / np.tan(np.deg2rad(45 / 2))  # MuJoCo's angle of view
    x, y = (low + high) / 2
    return Camera((x, y, 0.0), distance, 90.0, -90.0)
