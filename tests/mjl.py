"""Logs of tele-operation made from recorded or made-up set-points, for tests."""

import struct

import numpy as np


def write_log(path, qpos, ctrl, name="kitchen", nv=29, nmocap=1, nsensordata=3, nuserdata=2):
    """Write a log: positions (T, nq), set-points (T, nu); the rest is 0, but for the time."""
    records, (nq, nu) = len(ctrl), (qpos.shape[1], ctrl.shape[1])
    time = 0.002 * np.arange(records)[:, None]
    rest = [np.zeros((records, n)) for n in (nv, 7 * nmocap + nsensordata + nuserdata)]
    rows = np.concatenate([time, qpos, rest[0], ctrl, rest[1]], axis=1)
    word = name.encode() + b"\0"
    header = struct.pack("<7i", nq, nv, nu, nmocap, nsensordata, nuserdata, len(word))
    path.write_bytes(header + word + rows.astype("<f4").tobytes())


def set_points(observations, actions):
    """Return positions (40 T, 30) and set-points (40 T, 9) that a recording was made from.

    The set-point of a step is what was observed plus what the action asks for; it holds for the 40
    records of 2 ms that a step lasts.
    """
    targets = observations[:, :9].astype(np.float64) + 0.16 * actions
    return np.repeat(observations[:, :30], 40, axis=0), np.repeat(targets, 40, axis=0)
