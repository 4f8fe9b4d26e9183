"""Logs of MuJoCo's tele-operation, .mjl files.

Little-endian. A header of seven int32, the name of the model, then one record after the other, each
of float32:

    header   nq nv nu nmocap nsensordata nuserdata name_len
    record   time | qpos nq | qvel nv | ctrl nu | mocap position 3 each, quaternion 4 each
                  | sensordata | userdata
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FIELDS = ("nq", "nv", "nu", "nmocap", "nsensordata", "nuserdata", "name_len")
HEADER = np.dtype([(field, "<i4") for field in FIELDS])
LARGEST_SIZE, LONGEST_NAME = 10_000, 1_000
"""No size in a header is larger than that."""
LARGEST_FILE = 1 << 30
"""Bytes: an hour of tele-operation has half of that."""


class LogError(ValueError):
    """A log that cannot be used; the message names the file and says what is wrong with it."""


@dataclass(frozen=True)
class Log:
    """The records of a log, T of them."""

    name: str
    """What the log calls its model."""
    time: np.ndarray
    """(T,) seconds."""
    qpos: np.ndarray
    """(T, nq) positions."""
    qvel: np.ndarray
    """(T, nv) velocities."""
    ctrl: np.ndarray
    """(T, nu) what the actuators were told."""


def read_log(path: str | os.PathLike[str]) -> Log:
    """Read a log.

    Raises:
        FileNotFoundError: there is no such file.
        LogError: it is no log, is cut off within a record, or holds values that are not finite.
    """
    path = Path(path)
    if path.stat().st_size > LARGEST_FILE:
        raise LogError(f"{path}: larger than {LARGEST_FILE} bytes: no log of tele-operation")
    content = path.read_bytes()
    start = HEADER.itemsize
    if len(content) < start:
        raise LogError(f"{path}: {len(content)} bytes, a header alone has {start}")
    sizes = dict(zip(FIELDS, np.frombuffer(content, HEADER, 1)[0].tolist(), strict=True))
    for field, size in sizes.items():
        most = LONGEST_NAME if field == "name_len" else LARGEST_SIZE
        if not 0 <= size <= most:
            raise LogError(f"{path}: {field} is {size} in its header, no log of tele-operation")
    start += sizes["name_len"]
    name = content[HEADER.itemsize : start].split(b"\0")[0].decode("latin1")
    parts = [1, sizes["nq"], sizes["nv"], sizes["nu"]]  # time, qpos, qvel, ctrl
    width = sum(parts) + 7 * sizes["nmocap"] + sizes["nsensordata"] + sizes["nuserdata"]
    rest = len(content) - start
    if rest < 0 or rest % (4 * width):
        whole = max(rest, 0) // (4 * width)
        raise LogError(f"{path}: is cut off within a record, after {whole} whole ones")
    records = np.frombuffer(content, "<f4", offset=start).reshape(-1, width)
    if not len(records):
        raise LogError(f"{path}: holds no record")
    if not np.isfinite(records).all():
        row, column = np.argwhere(~np.isfinite(records))[0]
        raise LogError(f"{path}: record {row} holds {records[row, column]} in column {column}")
    time, qpos, qvel, ctrl, _ = np.split(records, np.cumsum(parts), axis=1)
    return Log(name, time[:, 0], qpos, qvel, ctrl)
