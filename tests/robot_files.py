"""Small recordings in the layouts that robot people have, of the same two episodes.

LeRobot's were written by lerobot 0.3.3 (version 2.1) and 0.4.4 (3.0), and lie here as archives.
"""

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
from gymnasium.spaces import Box

from d4rl_layout import write

HERE = Path(__file__).parent
LENGTHS = (5, 7)
_RNG = np.random.default_rng(0)
_ROWS = [(_RNG.normal(size=3), _RNG.uniform(-200, 300, 2)) for _ in range(sum(LENGTHS))]
STATES = np.array([row[0] for row in _ROWS], np.float32)
ACTIONS = np.array([row[1] for row in _ROWS], np.float32)
ENDS = np.cumsum(LENGTHS)


def _parts():
    return zip(np.split(STATES, ENDS[:-1]), np.split(ACTIONS, ENDS[:-1]), strict=True)


def robomimic(folder):
    with h5py.File(folder / "demos.hdf5", "w") as file:
        for number, (states, actions) in enumerate(_parts()):
            demo = file.create_group(f"data/demo_{number}")
            demo["obs/arm"], demo["obs/gripper"] = states[:, :2], states[:, 2]
            demo["obs/image"] = np.zeros((len(states), 4, 4, 3), np.uint8)
            demo["actions"], demo["rewards"] = actions, np.arange(len(actions))
            demo["dones"] = (np.arange(len(actions)) == len(actions) - 1).astype(int) * (
                number == 0
            )
        file["mask/train"] = np.array([b"demo_1"])
    return folder / "demos.hdf5"


def lerobot(folder, version="3.0"):
    shutil.unpack_archive(HERE / f"lerobot_{version}.zip", folder / "set")
    return folder / "set"


def zarr(folder, version=3, packed=False):
    import zarr

    place = folder / "buffer.zarr"
    root = zarr.open_group(place, mode="w", zarr_format=version)
    for name, array in {
        "data/state": STATES,
        "data/action": ACTIONS,
        "data/img": np.zeros((len(STATES), 4, 4, 3), np.uint8),
        "meta/episode_ends": ENDS,
    }.items():
        rows = max(4, len(array) // 100) + (name == "data/action")
        root.create_array(name, data=array, chunks=(rows, *array.shape[1:]))
    if packed:
        archive = shutil.make_archive(str(place), "zip", folder, place.name)
        return Path(archive)
    return place


def npz(folder, how="end to end"):
    place = folder / "episodes.npz"
    if how == "files":
        place = folder / "episodes"
        place.mkdir()
        for number, (states, actions) in enumerate(_parts()):
            np.savez_compressed(place / f"{number + 9}.npz", obs=states, action=actions)
    else:
        np.savez(place, states=STATES, actions=np.asfortranarray(ACTIONS), episode_ends=ENDS)
    return place


def d4rl(folder):
    ends = np.isin(np.arange(len(STATES)), ENDS - 1)
    arrays = {"observations": STATES, "actions": ACTIONS, "terminals": ends}
    write(folder / "play.hdf5", arrays, compression=1)
    return folder / "play.hdf5"


def minari(folder):
    acted, seen = (Box(-np.inf, np.inf, array.shape[1:]) for array in (ACTIONS, STATES))
    episodes = [
        (np.concatenate([states, states[-1:]]), actions, np.arange(len(actions)), number == 0)
        for number, (states, actions) in enumerate(_parts())
    ]
    return minari_set(folder / "sets", episodes, seen, acted)


def minari_set(root, episodes, seen, acted, env=None, name="robot/set-v0"):
    """Write a set with Minari, of episodes' (observations, actions, rewards, terminated)."""
    import minari
    from minari.data_collector.episode_buffer import EpisodeBuffer

    buffers = [
        EpisodeBuffer(
            id=number,
            observations=observations,
            actions=actions,
            rewards=[*rewards],
            terminations=[*[False] * (len(rewards) - 1), terminated],
            truncations=[*[False] * (len(rewards) - 1), not terminated],
        )
        for number, (observations, actions, rewards, terminated) in enumerate(episodes)
    ]
    before = os.environ.get("MINARI_DATASETS_PATH")
    os.environ["MINARI_DATASETS_PATH"] = str(root)
    minari.create_dataset_from_buffers(
        name, buffers, env=env, observation_space=seen, action_space=acted
    )
    if before is None:
        del os.environ["MINARI_DATASETS_PATH"]
    else:
        os.environ["MINARI_DATASETS_PATH"] = before
    return root / name


ALL = {
    "local": d4rl,
    "robomimic": robomimic,
    "minari": minari,
    "lerobot 2.1": lambda folder: lerobot(folder, "2.1"),
    "lerobot 3.0": lerobot,
    "zarr 2": lambda folder: zarr(folder, 2),
    "zarr 3": zarr,
    "zarr 3 zip": lambda folder: zarr(folder, 3, packed=True),
    "npz": npz,
    "npz files": lambda folder: npz(folder, "files"),
}
"""What writes a recording into a folder and returns its place, by name; the first word is the
source that reads it."""
NEEDS = {"minari": "minari", "lerobot": "pyarrow", "zarr": "zarr"}
"""What has to be installed to read them."""
