"""Laws of other people's recordings of the kitchen: what they hold is what comes out."""

import shutil

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mjl import set_points, write_log

import d4rl
from d4rl.kitchen.elements import INITIAL_QPOS, element_complete, goal_vector
from d4rl.recorded.logs import LogError, read_log
from d4rl.recorded.minari import observations
from d4rl.recorded.relay import convert

DEMOS = {
    "kettle_bottomknob_switch_hinge": ["kettle", "bottom_burner", "light_switch", "hinge_cabinet"],
    "microwave_kettle_topknob_switch": ["microwave", "kettle", "top_burner", "light_switch"],
}


def episodes(path):
    return list(d4rl.sequence_dataset(dataset=d4rl.get_dataset(path) | no_timeouts(path)))


def no_timeouts(path):
    with h5py.File(path) as file:
        return {} if "timeouts" in file else {"timeouts": np.zeros(len(file["terminals"]), bool)}


def resting(path, frames=12, shift=0.0):
    """Write a short log of an arm that is told to stay where it is."""
    qpos = np.tile(INITIAL_QPOS, (40 * frames, 1))
    write_log(path, qpos, qpos[:, :9] + shift)
    return path


@pytest.mark.parametrize("sequence", DEMOS)
def test_a_log_holds_the_actions_that_it_was_made_from(real_demos, tmp_path, sequence):
    for episode in episodes(real_demos / f"kitchen-demo-{sequence}.hdf5"):
        observed, actions = episode["observations"], episode["actions"]
        write_log(tmp_path / "a.mjl", *set_points(observed, actions))
        log = read_log(tmp_path / "a.mjl")
        again = (log.ctrl[::40] - observed[:, :9]) / (40 * 0.002) / 2
        np.testing.assert_allclose(again, actions, atol=3e-6)
        np.testing.assert_array_equal(log.qpos[::40], observed[:, :30])
        assert log.name == "kitchen"


@pytest.mark.parametrize("sequence", DEMOS)
def test_replayed_logs_do_what_people_did(real_demos, tmp_path, sequence):
    recorded = episodes(real_demos / f"kitchen-demo-{sequence}.hdf5")[:3]
    files = []
    for number, episode in enumerate(recorded):
        files.append(tmp_path / f"{number}.mjl")
        write_log(files[-1], *set_points(episode["observations"], episode["actions"]))
    report = convert(files, tmp_path / "out.hdf5", progress=False)
    assert report["episodes"] == 3 and report["skipped"] == {}
    elements = list(d4rl.kitchen.elements.ELEMENTS)
    for before, after in zip(recorded, episodes(tmp_path / "out.hdf5"), strict=True):
        assert after["observations"].shape == before["observations"].shape
        assert np.abs(after["actions"]).max() <= 0.999
        done = element_complete(after["observations"]).any(0)
        assert all(done[elements.index(name)] for name in DEMOS[sequence])
        arm = np.abs(after["observations"][:, :9] - before["observations"][:, :9]).mean()
        assert arm < 0.02
        np.testing.assert_allclose(after["observations"][0, 30:], goal_vector(), atol=1e-6)


def test_the_same_logs_make_the_same_bytes(tmp_path):
    files = [resting(tmp_path / f"{n}.mjl", shift=0.1 * n) for n in range(2)]
    for name in ("a", "b"):
        convert(files, tmp_path / f"{name}.hdf5", progress=False)
    assert (tmp_path / "a.hdf5").read_bytes() == (tmp_path / "b.hdf5").read_bytes()


def test_truncated_duplicate_and_foreign_logs_are_left_out_and_reported(tmp_path):
    good = resting(tmp_path / "b.mjl")
    shutil.copy(good, tmp_path / "b (1).mjl")
    (tmp_path / "cut.mjl").write_bytes(good.read_bytes()[:-7])
    (tmp_path / "page.mjl").write_bytes(b"<html>" * 20)
    write_log(tmp_path / "other.mjl", np.zeros((500, 7)), np.zeros((500, 7)))
    write_log(tmp_path / "far.mjl", np.full((500, 30), 1e9), np.zeros((500, 9)))
    resting(tmp_path / "short.mjl", frames=3)
    (tmp_path / "readme.txt").write_text("hello")
    report = convert(list(tmp_path.iterdir()), tmp_path / "out.hdf5", progress=False)
    assert report["episodes"] == 1
    reasons = {path.rpartition("/")[2]: why for path, why in report["skipped"].items()}
    assert reasons == {
        "b.mjl": "a duplicate of b (1).mjl",
        "cut.mjl": "is cut off within a record, after 479 whole ones",
        "page.mjl": "nq is 1836345404 in its header, no log of tele-operation",
        "other.mjl": "7 positions and 7 actuators, the kitchen has 30 and 9",
        "far.mjl": "a position of 1e+09, more than 100",
        "short.mjl": "3 frames, a performance has 11 at least",
    }


def test_a_folder_without_a_usable_log_is_refused(tmp_path):
    with pytest.raises(LogError, match=r"no usable log among 1 files: none ends in \.mjl"):
        convert([tmp_path / "readme.txt"], tmp_path / "out.hdf5")
    (tmp_path / "a.mjl").write_bytes(b"")
    with pytest.raises(LogError, match=r"a\.mjl: 0 bytes, a header alone has 28"):
        convert([tmp_path / "a.mjl"], tmp_path / "out.hdf5", progress=False)
    assert not (tmp_path / "out.hdf5").exists()


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_damaged_log_is_read_or_refused_with_its_name(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.mjl"
    content = bytearray(resting(path).read_bytes()[: data.draw(st.integers(0, 3000))])
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            place = data.draw(st.integers(0, min(60, len(content) - 1)))
            content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        log = read_log(path)
    except LogError as error:
        assert str(path) in str(error)
    else:
        assert len({len(log.time), len(log.qpos), len(log.qvel), len(log.ctrl)}) == 1
        assert log.qpos.nbytes + log.qvel.nbytes + log.ctrl.nbytes <= len(content)


def test_minaris_observations_become_ours():
    rng = np.random.default_rng(0)
    robot, objects = rng.normal(size=(5, 9)), rng.normal(size=(5, 21))
    velocities = np.full((5, 9), 7.0), np.full((5, 20), 8.0)
    theirs = np.concatenate([robot, velocities[0], objects, velocities[1]], axis=1)
    ours = observations({"observation": theirs, "achieved_goal": {}, "desired_goal": {}})
    np.testing.assert_array_equal(ours[:, :9], robot)
    np.testing.assert_array_equal(ours[:, 9:30], objects)
    np.testing.assert_array_equal(ours[:, 30:], np.tile(goal_vector(), (5, 1)))
    with pytest.raises(ValueError, match=r"shape \(5, 30\)"):
        observations({"observation": theirs[:, :30]})
