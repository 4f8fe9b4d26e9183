"""What the figures on the map of an environment share.

An environment whose state has a place on a map says so by two attributes: `state_names`, the names
of the entries of its observation, and `obstacles`, rectangles (n, 4) of left, bottom, width and
height that cannot be entered, in the units of the two entries that are drawn.
"""

import gymnasium
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

from fist.analysis.figures.plot import Table

SIZE = (2.8, 3.3)
"""Width and height of a map, in inches."""
WALL = "0.75"


class Map:
    """The map of a table's environment.

    Raises:
        ValueError: the environment has no map, or no such entry of the state.
    """

    def __init__(self, table: Table):
        env = gymnasium.make(table["env_id"], **table["env_kwargs"])
        missing = [name for name in ("obstacles", "state_names") if not env.has_wrapper_attr(name)]
        if missing:
            raise ValueError(f"{env} has no map: it lacks the attributes {', '.join(missing)}")
        names = list(env.get_wrapper_attr("state_names"))
        unknown = [name for name in table["map"] if name not in names]
        if unknown:
            raise ValueError(
                f"no entry of the state is called {', '.join(unknown)}; there are "
                f"{', '.join(names)} (config: map of the environment)"
            )
        self.plane: list[str] = list(table["map"])
        """Names of the two entries."""
        self.columns = [names.index(name) for name in self.plane]
        """Their columns in the observation."""
        self.obstacles: Float[np.ndarray, "n 4"] = np.asarray(env.get_wrapper_attr("obstacles"))

    def draw(self, axis: Axes) -> None:
        """Draw the obstacles."""
        boxes = [Rectangle((x, y), width, height) for x, y, width, height in self.obstacles]
        axis.add_collection(PatchCollection(boxes, facecolor=WALL, edgecolor=WALL, linewidth=0.3))
        axis.set(aspect="equal", xlabel=self.plane[0], ylabel=self.plane[1])
        axis.grid(False)
        axis.autoscale_view()
