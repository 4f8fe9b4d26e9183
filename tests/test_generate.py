"""Laws of generated play data."""

import os
import sys

import h5py
import numpy as np
import pytest

from d4rl.kitchen import generate as module
from d4rl.kitchen.elements import (
    ELEMENTS,
    INITIAL_QPOS,
    ROBOT_SIZE,
    element_complete,
    goal_vector,
)
from d4rl.kitchen.env import start_posture
from d4rl.kitchen.generate import (
    FEWEST_LAST_STEPS,
    MOST_LAST_STEPS,
    START_SPREAD,
    Performance,
    generate,
    perform,
)

SEQUENCE = ("kettle", "light_switch")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return a generated file of three performances and its summary."""
    path = tmp_path_factory.mktemp("play") / "made" / "play.hdf5"
    return path, generate(path, SEQUENCE, episodes=3, seed=5, progress=False)


def failing(sequence, seed, index):
    """Stand in for `perform`: even indices miss the last subtask."""
    length = 4 + index
    return Performance(
        np.zeros((length, 60), np.float32),
        np.full((length, 9), 0.1 * index, np.float32),
        np.zeros(length, np.float32),
        successful=index % 2 == 1,
    )


def test_a_file_has_d4rl_s_layout(file):
    """Keys, types and shapes are D4RL's; each episode ends once; the goal part is constant."""
    path, summary = file
    with h5py.File(path) as data:
        rows = len(data["actions"])
        assert {key: (data[key].dtype, data[key].shape) for key in data} == {
            "observations": (np.float32, (rows, 60)),
            "actions": (np.float32, (rows, 9)),
            "rewards": (np.float32, (rows,)),
            "terminals": (np.bool_, (rows,)),
            "timeouts": (np.bool_, (rows,)),
            "infos": (np.int32, (rows,)),
        }
        ends = data["terminals"][:] | data["timeouts"][:]
        assert summary["rows"] == rows and ends.sum() == summary["episodes"] == 3 and ends[-1]
        assert np.array_equal(np.flatnonzero(np.diff(data["infos"][:])), np.flatnonzero(ends)[:-1])
        assert np.abs(data["actions"][:]).max() <= 1.0
        np.testing.assert_array_equal(
            data["observations"][:, 30:], np.tile(goal_vector().astype(np.float32), (rows, 1))
        )


def test_rewards_count_the_sub_tasks_in_order_and_the_episode_ends_soon_after(file):
    """A reward stands in the row whose action earned it: the next row shows the element done."""
    path, summary = file
    with h5py.File(path) as data:
        observations, rewards = data["observations"][:], data["rewards"][:]
        ends = np.flatnonzero(data["terminals"][:]) + 1
    assert summary["successful"] == 3
    columns = [ELEMENTS.index(name) for name in SEQUENCE]
    for start, end in zip(np.r_[0, ends[:-1]], ends, strict=True):
        earned = np.flatnonzero(rewards[start:end])
        assert rewards[start:end].sum() == len(SEQUENCE)
        done = element_complete(observations[start:end])[:, columns]
        assert earned.tolist() == [int(np.argmax(done[:, i])) - 1 for i in range(len(SEQUENCE))]
        assert FEWEST_LAST_STEPS <= end - start - 1 - earned[-1] <= MOST_LAST_STEPS


def test_the_bytes_do_not_depend_on_the_number_of_workers(file, tmp_path):
    """Two workers write the same file as one; another seed writes another."""
    path, _ = file
    generate(tmp_path / "two.hdf5", SEQUENCE, episodes=3, seed=5, workers=2, progress=False)
    assert (tmp_path / "two.hdf5").read_bytes() == path.read_bytes()
    generate(tmp_path / "six.hdf5", SEQUENCE, episodes=1, seed=6, progress=False)
    with h5py.File(path) as one, h5py.File(tmp_path / "six.hdf5") as six:
        assert not np.array_equal(one["actions"][:20], six["actions"][:20])


def test_a_longer_file_begins_with_the_shorter_one(file):
    """Performance i depends on seed, sequence and i, not on how many there are."""
    path, _ = file
    second = perform(SEQUENCE, 5, 1)
    with h5py.File(path) as data:
        rows = data["infos"][:] == 1
        np.testing.assert_array_equal(data["actions"][rows], second.actions)
        np.testing.assert_array_equal(data["observations"][rows], second.observations)


def test_only_the_arm_s_start_varies():
    """Objects start at rest where the environment puts them, the arm a little elsewhere."""
    starts = np.array([start_posture(np.random.default_rng(i), START_SPREAD) for i in range(50)])
    np.testing.assert_array_equal(starts[:, 7:], np.tile(INITIAL_QPOS[7:], (50, 1)))
    spread = np.abs(starts[:, :7] - INITIAL_QPOS[:7])
    assert (spread.max(axis=0) > 0.02).all() and spread.max() < 0.15
    assert (starts[:, 1] >= INITIAL_QPOS[1]).all() and ROBOT_SIZE == 9


def test_failures_can_be_left_out_or_kept(monkeypatch, tmp_path):
    """`only_successful` records others in place of failures; else a failure ends in a timeout."""
    monkeypatch.setattr(module, "perform", failing)
    kept = generate(tmp_path / "kept.hdf5", SEQUENCE, 2, 0, progress=False)
    assert (kept["successful"], kept["left_out"]) == (1, 0)
    with h5py.File(tmp_path / "kept.hdf5") as data:
        assert np.flatnonzero(data["timeouts"][:]).tolist() == [3]
        assert np.flatnonzero(data["terminals"][:]).tolist() == [8]
    good = generate(tmp_path / "good.hdf5", SEQUENCE, 2, 0, only_successful=True, progress=False)
    assert (good["successful"], good["left_out"]) == (2, 2)
    with h5py.File(tmp_path / "good.hdf5") as data:
        assert np.unique(data["infos"][:]).tolist() == [1, 3] and not data["timeouts"][:].any()


def test_what_another_call_has_finished_is_not_made_again(monkeypatch, tmp_path):
    """The file has the bytes of a recording made in one call."""
    monkeypatch.setattr(module, "perform", failing)
    options = {"only_successful": True, "progress": False}
    generate(tmp_path / "whole.hdf5", SEQUENCE, 2, 0, **options)

    def stopped(sequence, seed, index):
        if index == 2:
            raise KeyboardInterrupt
        return failing(sequence, seed, index)

    finished = {}
    monkeypatch.setattr(module, "perform", stopped)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "resumed.hdf5", SEQUENCE, 2, 0, finished=finished, **options)
    made = []
    monkeypatch.setattr(module, "perform", lambda *args: made.append(args[2]) or failing(*args))
    generate(tmp_path / "resumed.hdf5", SEQUENCE, 2, 0, finished=finished, **options)
    assert made == [2, 3]
    assert (tmp_path / "resumed.hdf5").read_bytes() == (tmp_path / "whole.hdf5").read_bytes()


def test_a_sequence_that_never_succeeds_is_given_up_with_a_word(monkeypatch, tmp_path):
    """Asking for successes that do not come ends in an error, and in no file."""
    monkeypatch.setattr(module, "perform", lambda sequence, seed, index: failing(sequence, seed, 0))
    with pytest.raises(ValueError, match="only 0 of 6 performances of kettle-light_switch"):
        generate(tmp_path / "no.hdf5", SEQUENCE, 2, 0, only_successful=True, progress=False)
    assert os.listdir(tmp_path) == []


def test_an_interrupted_write_leaves_nothing_behind(monkeypatch, tmp_path):
    """The old file stays whole and no temporary file is left."""
    monkeypatch.setattr(module, "perform", failing)
    path = tmp_path / "play.hdf5"
    path.write_text("old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(OSError, match="No space left"):
        generate(path, SEQUENCE, 2, 0, progress=False)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["play.hdf5"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sequence": ["kettle", "toaster"]}, "no element is called 'toaster'"),
        ({"sequence": ["kettle", "kettle"]}, "names each element once"),
        ({"sequence": []}, "at least one element"),
        ({"episodes": 0}, "episodes must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
    ],
)
def test_impossible_requests_are_refused_with_a_clear_word(change, message, tmp_path):
    """The message names the value; no file appears."""
    arguments = {"sequence": SEQUENCE, "episodes": 1, "seed": 0} | change
    with pytest.raises(ValueError, match=message):
        generate(tmp_path / "no.hdf5", progress=False, **arguments)
    assert os.listdir(tmp_path) == []


def test_progress_is_shown_on_stderr_alone(monkeypatch, tmp_path, capsys):
    """On a terminal a bar counts episodes on stderr; without `progress` nothing is printed."""
    monkeypatch.setattr(module, "perform", failing)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    generate(tmp_path / "a.hdf5", SEQUENCE, 2, 0)
    shown = capsys.readouterr()
    assert "2/2" in shown.err and "kettle-light_switch" in shown.err and not shown.out
    generate(tmp_path / "b.hdf5", SEQUENCE, 2, 0, progress=False)
    shown = capsys.readouterr()
    assert not shown.err and not shown.out


def test_a_log_file_gets_lines_that_say_how_far_a_recording_is(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(module, "perform", failing)
    monkeypatch.setattr("d4rl.progress.INTERVAL", 0.0)
    with caplog.at_level("INFO"):
        generate(tmp_path / "play.hdf5", SEQUENCE, 3, 0)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split("  ")[0] for line in lines] == [
        f"{'-'.join(SEQUENCE)}: episode {n}/3" for n in (1, 2, 3)
    ]
    caplog.clear()
    generate(tmp_path / "play.hdf5", SEQUENCE, 3, 0, progress=False)
    assert caplog.records == []
