"""Data sets in the formats that others read: Minari's, robomimic's, LeRobot's.

What goes out comes in again as it was: states, actions as they were recorded, rewards, and of each
episode whether the task or a limit ended it.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gymnasium.spaces import Box

from d4rl_layout import DataError, read, stops, write
from fist.data.actions import ActionScale
from fist.data.sources.lerobot import ADVICE
from fist.data.sources.minari import library
from fist.stage.files import replacing, write_json
from fist.stage.functions import env_spec

STATISTICS = ("min", "max", "mean", "std")
Episode = dict[str, Any]
FPS = 10
"""Rows a second that a LeRobot data set tells where nothing else is known."""


def export(
    layout: Literal["minari", "robomimic", "lerobot"],
    data: Path,
    out: Path,
    env_id: str = "d4rl:kitchen-mixed-v0",
) -> None:
    """Write a data set in another layout.

    Args:
        layout: which one.
        data: HDF5 file in D4RL's layout.
        out: of robomimic, the file; of LeRobot, <folder>/meta/info.json; of Minari,
            <folder of sets>/<environment>/<name>-v0/data/main_data.hdf5.
        env_id: Gymnasium id of the environment that the data come from.

    Raises:
        DataError, FileNotFoundError: the data cannot be used.
        ValueError: a bad name.
    """
    if layout == "robomimic":
        export_robomimic(data, out, env_id)
    elif layout == "lerobot":
        export_lerobot(data, out.parents[1])
    else:
        root = out.absolute().parents[3]
        export_minari(data, out.absolute().parents[1].relative_to(root).as_posix(), env_id, root)


def export_minari(
    data: Path,
    dataset_id: str,
    env_id: str = "d4rl:kitchen-mixed-v0",
    root: Path | None = None,
) -> None:
    """Write a data set as a Minari data set.

    Minari keeps what is observed after an episode's last action: the file's `next_observations`
    say it, and without them the last observation stands there twice.

    Args:
        data: HDF5 file in D4RL's layout.
        dataset_id: name of the Minari data set, with its version, kitchen/kitchen-mixed-v0; one of
            this name is replaced.
        env_id: Gymnasium id of the environment that the data come from.
        root: folder of Minari's data sets; by default MINARI_DATASETS_PATH, or Minari's own.
    """
    if root is not None:
        os.environ["MINARI_DATASETS_PATH"] = str(root.absolute())
    minari = library()
    from minari.data_collector.episode_buffer import EpisodeBuffer

    buffers: list[EpisodeBuffer] = []
    for episode in _episodes(data):
        last = episode["next_observations" if "next_observations" in episode else "observations"][
            -1:
        ]
        flags = [False] * (len(episode["actions"]) - 1)
        buffers.append(
            EpisodeBuffer(
                id=len(buffers),
                observations=np.concatenate([episode["observations"], last]),
                actions=episode["actions"],
                rewards=episode["rewards"],
                terminations=[*flags, episode["terminated"]],
                truncations=[*flags, not episode["terminated"]],
            )
        )
    (states,), kind = episode["observations"].shape[1:], episode["observations"].dtype
    scale, acted = ActionScale.read(data), episode["actions"]
    unit = (-np.ones(acted.shape[1]), np.ones(acted.shape[1]))
    low, high = unit if scale is None else (scale.low, scale.high)
    shutil.rmtree(minari.storage.get_dataset_path(dataset_id), ignore_errors=True)
    minari.create_dataset_from_buffers(
        dataset_id,
        buffers,
        env=env_spec(env_id),
        observation_space=Box(-np.inf, np.inf, (states,), kind),
        action_space=Box(
            np.array(low, acted.dtype), np.array(high, acted.dtype), dtype=acted.dtype
        ),
        description=f"{len(buffers)} episodes",
    )


def export_robomimic(data: Path, out: Path, env_id: str = "d4rl:kitchen-mixed-v0") -> None:
    """Write a data set as a robomimic file: `obs/state`, `actions`, `rewards`, `dones`."""
    arrays: dict[str, np.ndarray] = {}
    total = 0
    about: dict[str, Any] = {}
    for number, episode in enumerate(_episodes(data)):
        demo, steps = f"data/demo_{number}", len(episode["actions"])
        arrays[f"{demo}/obs/state"] = episode["observations"]
        arrays |= {f"{demo}/{name}": episode[name] for name in ("actions", "rewards")}
        dones = np.arange(steps) == steps - 1
        arrays[f"{demo}/dones"] = (dones & episode["terminated"]).astype(np.int64)
        about[f"{demo}/num_samples"] = steps
        total += steps
    told = {"env_name": env_id, "type": 2, "env_kwargs": {}}  # 2: an environment of Gym's
    write(out, arrays, about | {"data/total": total, "data/env_args": json.dumps(told)})


def export_lerobot(data: Path, folder: Path, fps: int = FPS) -> None:
    """Write a data set as a LeRobot data set of version 3.0, without videos."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(f"pyarrow is not installed ({error}): {ADVICE}") from None
    chunk, rows, listed = "chunk-000/file-000.parquet", 0, []
    shutil.rmtree(folder, ignore_errors=True)
    columns: dict[str, list[np.ndarray]] = {}
    for number, episode in enumerate(_episodes(data)):
        steps = np.arange(len(episode["actions"]))
        own = {
            "observation.state": episode["observations"],
            "action": episode["actions"],
            "next.reward": episode["rewards"].astype(np.float32),
            "next.done": (steps == steps[-1]) & episode["terminated"],
            "timestamp": (steps / fps).astype(np.float32),
            "frame_index": steps,
            "episode_index": np.full_like(steps, number),
            "index": rows + steps,
            "task_index": np.zeros_like(steps),
        }
        for name, array in own.items():
            columns.setdefault(name, []).append(array)
        place = {"data/chunk_index": 0, "data/file_index": 0, "dataset_from_index": rows}
        rows += len(steps)
        place |= {"dataset_to_index": rows, "meta/episodes/chunk_index": 0}
        listed.append(
            {"episode_index": number, "tasks": ["imitate"], "length": len(steps)}
            | place
            | {"meta/episodes/file_index": 0}
        )
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    features = {
        name: {"dtype": str(array.dtype), "shape": [*array.shape[1:]] or [1], "names": None}
        for name, array in joined.items()
    }
    tables = {
        f"data/{chunk}": pyarrow.table({n: _arrow(pyarrow, a) for n, a in joined.items()}),
        f"meta/episodes/{chunk}": pyarrow.Table.from_pylist(listed),
        "meta/tasks.parquet": pyarrow.Table.from_pandas(_tasks()),
    }
    for name, table in tables.items():
        with replacing(folder / name) as temporary:
            parquet.write_table(table, temporary)
    stats = {
        name: {key: np.atleast_1d(getattr(a, key)(0)).tolist() for key in STATISTICS}
        | {"count": [len(a)]}
        for name, a in joined.items()
    }
    write_json(folder / "meta/stats.json", stats)
    about = {
        "codebase_version": "v3.0",
        "robot_type": None,
        "total_episodes": len(listed),
        "total_frames": rows,
        "total_tasks": 1,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": {"train": f"0:{len(listed)}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": None,
        "features": features,
    }
    write_json(folder / "meta/info.json", about)


def _tasks() -> Any:
    import pandas as pd

    return pd.DataFrame({"task_index": [0]}, index=["imitate"])


def _arrow(pyarrow: Any, array: np.ndarray) -> Any:
    """Return rows (N,) or (N, size) as a column."""
    if array.ndim == 1:
        return pyarrow.array(array)
    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(array.ravel()), array.shape[1])


def _episodes(data: Path) -> Iterator[Episode]:
    """Yield the rows of each episode in every array that has some, and whether it terminated."""
    arrays = read(data)
    ends = stops(data, arrays)
    arrays.setdefault("rewards", np.zeros(len(arrays["actions"]), np.float32))
    names = ("observations", "actions", "rewards", "next_observations")
    for first, stop in zip([0, *ends], ends, strict=False):
        episode: Episode = {name: arrays[name][first:stop] for name in names if name in arrays}
        yield episode | {"terminated": bool(arrays["terminals"][stop - 1])}
