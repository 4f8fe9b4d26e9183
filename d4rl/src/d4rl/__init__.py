"""D4RL's kitchen and its large maze on maintained parts.

    import d4rl, gymnasium
    env = gymnasium.make("kitchen-mixed-v0", task_elements=["microwave", "kettle"])

Importing registers the environments; MuJoCo itself is loaded when one is made.
"""

from gymnasium.envs.registration import register

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
