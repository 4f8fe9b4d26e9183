"""The MuJoCo model of an ant in a maze, built from the maze's drawing."""

from itertools import groupby

import mujoco
import numpy as np

from ..contact import margins_add_up
from .layouts import CELL, AntLayout

TIMESTEP = 0.02
"""Seconds of a step of the simulation."""
SUBSTEPS = 5
"""Of them, for an action: 10 Hz."""
TORQUE = 30.0
"""Torque of an action of 1 (N m)."""
WALL_HEIGHT = 0.5 * CELL
"""Metres."""
LEGS = (1, 1), (-1, 1), (-1, -1), (1, -1)
"""Where the legs point, in the frame of the body, in the order of their joints."""
DOWN = 1, -1, -1, 1
"""Sign of an ankle's angle that bends the leg down; 30 to 70 degrees are allowed."""

_MJCF = """
<mujoco model="antmaze">
  <compiler autolimits="true"/>
  <option timestep="{timestep}" integrator="RK4"/>
  <visual>
    <headlight ambient="0.5 0.5 0.5" diffuse="0.5 0.5 0.5" specular="0 0 0"/>
    <quality offsamples="4" shadowsize="0"/>
    <global offwidth="2048" offheight="2048"/>
    <map zfar="100"/>
  </visual>
  <asset>
    <texture type="skybox" builtin="flat" rgb1="1 1 1" rgb2="1 1 1" width="8" height="8"/>
    <texture name="tiles" type="2d" builtin="checker" rgb1="0.93 0.93 0.9" rgb2="0.88 0.88 0.85"
      width="64" height="64"/>
    <material name="tiles" texture="tiles" texrepeat="0.25 0.25" texuniform="true"/>
  </asset>
  <default>
    <joint armature="1" damping="1"/>
    <geom condim="3" contype="1" conaffinity="0" density="5" margin="0.01" friction="1 0.5 0.5"
      solref="0.02 1" solimp="0.8 0.8 0.01" rgba="0.8 0.45 0.2 1"/>
    <motor ctrlrange="-1 1" gear="{torque}"/>
  </default>
  <worldbody>
    <geom type="plane" conaffinity="1" pos="{middle} 0" size="{half} 1" material="tiles"
      rgba="1 1 1 1"/>
{walls}
    <body name="target" mocap="true" pos="0 0 -10">
      <geom type="cylinder" size="0.5 0.01" contype="0" rgba="0.2 0.7 0.3 0.7"/>
    </body>
    <body name="torso" pos="0 0 0.75">
      <freejoint/>
      <geom type="sphere" size="0.25" rgba="0.8 0.2 0.2 1"/>
{legs}
    </body>
  </worldbody>
  <actuator>
{motors}
  </actuator>
</mujoco>
"""
_WALL = (
    '<geom type="box" pos="{0} {1} {2}" size="{3} {4} {2}" conaffinity="1" rgba="0.35 0.4 0.5 1"/>'
)
_LEG = """
<geom type="capsule" size="0.08" fromto="0 0 0 {0} {1} 0"/>
<body pos="{0} {1} 0">
  <joint name="hip_{leg}" axis="0 0 1" range="-30 30"/>
  <geom type="capsule" size="0.08" fromto="0 0 0 {0} {1} 0"/>
  <body pos="{0} {1} 0">
    <joint name="ankle_{leg}" axis="{axis}" range="{range}"/>
    <geom type="capsule" size="0.08" fromto="0 0 0 {2} {3} 0"/>
  </body>
</body>"""


def ant_model(layout: AntLayout) -> mujoco.MjModel:
    """Compile a maze with an ant in it; walls side by side in a line of the drawing are one box."""
    walls = []
    for i, line in enumerate(layout.walls):
        for wall, run in groupby(range(len(line)), line.__getitem__):
            if wall:
                ends = layout.place([(i, j) for j in run])[[0, -1]]
                width = ends[1, 0] - ends[0, 0] + CELL
                walls.append(_WALL.format(*ends.mean(0), WALL_HEIGHT / 2, width / 2, CELL / 2))
    legs, motors = [], {}
    for leg, ((x, y), down) in enumerate(zip(LEGS, DOWN, strict=True), start=1):
        axis, bent = f"{-y * down} {x * down} 0", sorted((30 * down, 70 * down))
        joints = 0.2 * x, 0.2 * y, 0.4 * x, 0.4 * y
        legs.append(_LEG.format(*joints, leg=leg, axis=axis, range=f"{bent[0]} {bent[1]}"))
        motors[leg] = f'<motor joint="hip_{leg}"/><motor joint="ankle_{leg}"/>'
    middle = layout.place((np.array(layout.walls.shape) - 1) / 2)
    xml = _MJCF.format(
        timestep=TIMESTEP,
        torque=TORQUE,
        middle="{} {}".format(*middle),
        half="{1} {0}".format(*(CELL / 2 * np.array(layout.walls.shape))),
        walls="\n".join(walls),
        legs="\n".join(legs),
        motors="\n".join(motors[leg] for leg in (4, 1, 2, 3)),
    )
    model = mujoco.MjModel.from_xml_string(xml)
    if margins_add_up():
        model.geom_margin *= 0.5
    return model
