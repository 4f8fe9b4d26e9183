"""What this version of MuJoCo does about contacts, where versions differ."""

from functools import lru_cache

import mujoco

# Two balls 5 cm apart whose margins are 4 cm each: they touch only where margins add up.
_MARGIN_PROBE_XML = """<mujoco><worldbody>
  <geom type="sphere" size="0.1" margin="0.04"/>
  <body pos="0.25 0 0"><freejoint/><geom type="sphere" size="0.1" margin="0.04"/></body>
</worldbody></mujoco>"""


@lru_cache(maxsize=1)
def margins_add_up() -> bool:
    """Probe whether this MuJoCo gives a pair of geoms the sum of their contact margins.

    Newer versions take the sum, older ones the larger of the two.
    """
    model = mujoco.MjModel.from_xml_string(_MARGIN_PROBE_XML)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return data.ncon > 0
