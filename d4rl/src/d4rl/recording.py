"""Write recorded episodes as HDF5 files in D4RL's layout."""

import os
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np


def write_recording(
    path: str | os.PathLike[str],
    columns: Mapping[str, np.ndarray],
    labels: Mapping[str, object],
    compression: int = 4,
) -> None:
    """Write arrays of N rows, whole or not at all; the same arrays give the same bytes.

    Args:
        path: the file to write, through a temporary one beside it; its folder is made.
        columns: the arrays; "infos/goal" is the array goal of the group infos.
        labels: attributes of the file.
        compression: gzip's level.

    Raises:
        OSError: the disk is full or the folder cannot be written; the message names `path`.
    """
    # In memory first: HDF5 may crash where a disk is full.
    with h5py.File("recording", "w", driver="core", backing_store=False) as file:
        file.attrs.update(labels)
        for key, values in columns.items():
            file.create_dataset(
                key,
                data=values,
                compression="gzip",
                compression_opts=compression,
                shuffle=compression == 1,
                track_times=False,
            )
        file.flush()
        content = file.id.get_file_image()
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(error.errno, f"could not write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def check_request(episodes: int, seed: int, workers: int) -> None:
    """Raise ValueError, naming the value, where a recording cannot be made of these numbers."""
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
