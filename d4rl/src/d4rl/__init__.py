"""D4RL's kitchen, its large maze and its ant mazes on maintained parts.

    import d4rl, gymnasium
    env = gymnasium.make("kitchen-mixed-v0", task_elements=["microwave", "kettle"])

Importing registers the environments; MuJoCo itself is loaded when one is made.
"""

from itertools import product

from gymnasium.envs.registration import register

from .antmaze.task import DATA_SETS
from .antmaze.task import EPISODE_STEPS as ANT_STEPS
from .maze.layouts import LAYOUTS
from .maze.task import EPISODE_STEPS
from .offline import get_dataset, get_normalized_score, qlearning_dataset, sequence_dataset

__all__ = ["get_dataset", "get_normalized_score", "qlearning_dataset", "sequence_dataset"]

_TASKS = {
    "kitchen-complete-v0": ("microwave", "kettle", "light_switch", "slide_cabinet"),
    "kitchen-partial-v0": ("microwave", "kettle", "light_switch", "slide_cabinet"),
    "kitchen-mixed-v0": ("microwave", "kettle", "bottom_burner", "light_switch"),
}

for _id, _task in _TASKS.items():
    _arguments = {"task_elements": _task}
    register(_id, "d4rl.kitchen.env:KitchenEnv", max_episode_steps=280, kwargs=_arguments)

for _maze in LAYOUTS:
    register(
        id=f"maze2d-{_maze}-v1",
        entry_point="d4rl.maze.env:MazeEnv",
        vector_entry_point="d4rl.maze.vector:MazeVectorEnv",
        max_episode_steps=EPISODE_STEPS,
        kwargs={"maze": _maze},
    )

for _maze, _names in DATA_SETS.items():
    for _name, (_version, _fixed) in product(_names, (("v0", {"target_seed": 0}), ("v2", {}))):
        register(
            id=f"antmaze-{_name}-{_version}",
            entry_point="d4rl.antmaze.env:AntMazeEnv",
            vector_entry_point="d4rl.antmaze.vector:AntMazeVectorEnv",
            max_episode_steps=ANT_STEPS[_maze],
            kwargs={"maze": _maze, **_fixed},
        )
