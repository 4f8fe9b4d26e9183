"""Load the kitchen's MuJoCo model once per process, with the contact law it was written for."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import mujoco

from ..contact import margins_add_up

_KITCHEN_XML = Path("envs/assets/kitchen_franka/kitchen_assets/kitchen_env_model.xml")


def kitchen_xml() -> Path:
    """Return the kitchen's MJCF file, which the gymnasium-robotics wheel ships.

    The package is located, not imported: importing it loads and registers all its environments.

    Raises:
        FileNotFoundError: the package or its kitchen is missing.
    """
    spec = find_spec("gymnasium_robotics")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / _KITCHEN_XML
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"the kitchen's model {_KITCHEN_XML} was not found in the package gymnasium_robotics; "
        "install it with: pip install 'gymnasium-robotics>=1.4'"
    )


@lru_cache(maxsize=1)
def kitchen_model() -> mujoco.MjModel:
    """Return the compiled kitchen, one object shared by every environment of this process.

    Treat it as read-only. The assets mean the larger of two geoms' margins, so the margins are
    halved where MuJoCo adds them: exact for fingers against objects and objects against each
    other, which all have the same. (Arm links have none and meet objects 0.5 mm later; giving
    them one would make neighbouring links touch.) Multisampling and shadow maps take most of the
    time of a frame in software rendering, so they are off.
    """
    model = mujoco.MjModel.from_xml_path(str(kitchen_xml()))
    if margins_add_up():
        model.geom_margin *= 0.5
    model.vis.quality.offsamples = 0
    model.vis.quality.shadowsize = 0
    return model
