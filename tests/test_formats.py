"""Laws of the formats that robot people have: what is in a file comes in, or is refused by name."""

import csv
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import gymnasium
import h5py
import numpy as np
import pytest
import robot_files
from gymnasium import spaces
from misbehaving import hub, serving
from pipeline_copy import ROOT, copy_pipeline, snakemake
from robot_files import ACTIONS, ALL, ENDS, NEEDS, STATES

import formats
from d4rl_layout import first_wrong, labels, read, write
from fist.data.actions import ActionScale
from fist.data.episodes import DataError, load_episodes
from fist.data.sources.convert import convert
from fist.data.sources.exports import export
from fist.data.sources.formats import auto, local, recognised
from fist.data.sources.minari import import_minari
from fist.data.sources.recordings import checked_ends
from fist.inspect.file import inspect


def installed(source):
    """Skip a test where the library that reads a format is not installed."""
    pytest.importorskip(NEEDS.get(source, "h5py"))


@pytest.fixture(params=ALL)
def recording(request, tmp_path):
    """The source that reads it, and its place."""
    source = request.param.split()[0]
    installed(source)
    return source, ALL[request.param](tmp_path)


def test_every_layout_comes_in_bit_for_bit(recording, tmp_path):
    source, path = recording
    out = tmp_path / "out.hdf5"
    assert recognised(path) == source
    told = auto([path], path.name, None)
    for name in {source, "auto"} - {"local"}:
        convert(name, path.name, out, (path,))
        arrays = read(out)
        for array, expected in ((arrays["observations"], STATES), (arrays["actions"], ACTIONS)):
            assert np.array_equal(array, expected) and array.dtype == np.float32
        ends = np.flatnonzero(arrays["terminals"] | arrays["timeouts"]) + 1
        assert ends.tolist() == ENDS.tolist()
        assert json.loads(labels(out, "state_names")["state_names"]) == told["state_names"]
        scale = load_episodes(out).scale
        assert scale.origin == "data" and (scale.from_unit(-np.ones(2)) < ACTIONS.min(0)).all()
    if source in ("robomimic", "lerobot", "minari"):
        assert np.flatnonzero(arrays["terminals"]).tolist() == [4]
        assert arrays["rewards"].tolist() == [*range(5), *range(7)]


@pytest.mark.parametrize("block", [1, 8, 20])
def test_what_comes_in_does_not_depend_on_how_much_is_read_at_once(
    recording, tmp_path, monkeypatch, block
):
    for module in ("d4rl_layout", "fist.data.sources.lerobot", "fist.data.sources.npz"):
        monkeypatch.setattr(f"{module}.BLOCK", block)
    source, path = recording
    auto([path], path.name, tmp_path / "out.hdf5")
    arrays = read(tmp_path / "out.hdf5")
    assert np.array_equal(arrays["observations"], STATES)
    assert np.array_equal(arrays["actions"], ACTIONS)
    assert np.flatnonzero(arrays["terminals"] | arrays["timeouts"]).tolist() == [*ENDS - 1]


def test_a_file_of_another_layout_is_told_its_source_in_a_line(recording, tmp_path):
    source, path = recording
    for other in {"robomimic", "lerobot", "zarr", "npz"} - {source}:
        with pytest.raises(DataError, match=f"another layout than {other}: source: {source}") as e:
            convert(other, "x", tmp_path / "out.hdf5", (path,))
        assert "\n" not in str(e.value) and not (tmp_path / "out.hdf5").exists()


def test_a_recording_is_not_replaced_by_what_is_made_of_it(recording):
    source, path = recording
    if path.is_file():
        before = path.read_bytes()
        with pytest.raises(OSError, match="could not write .*: it is what is read"):
            convert(source, "x", path, (path,))
        assert path.read_bytes() == before


def test_what_is_refused_leaves_the_earlier_result(tmp_path):
    path, out = robot_files.npz(tmp_path), tmp_path / "good.hdf5"
    convert("npz", "x", out, (path,))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(DataError, match=rf"^{re.escape(str(out))}: actions.* outside \[-1, 1\]"):
        convert("npz", "x", out, (path,), json.dumps({"action_range": [-1, 1]}))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_source_that_does_not_take_an_argument_is_refused_in_a_line(tmp_path):
    for source, more in (("npz", {"nope": 1}), ("os:system", {})):
        with pytest.raises(ValueError, match=f"{source} cannot be called with arguments"):
            convert(source, "x", tmp_path / "out.hdf5", (), json.dumps(more))


def test_columns_are_chosen_and_ordered_by_one_option(tmp_path):
    path, out = robot_files.robomimic(tmp_path), tmp_path / "out.hdf5"
    auto([path], "x", out, keys=["gripper", "arm"], action_range=[[-200, -300], 300])
    assert np.array_equal(read(out)["observations"], STATES[:, [2, 0, 1]])
    assert load_episodes(out).scale == ActionScale((-200.0, -300.0), (300.0, 300.0), "given")
    auto([path], "x", out, mask="train")
    assert load_episodes(out).lengths.tolist() == [7]
    installed("lerobot")
    path = robot_files.lerobot(tmp_path)
    auto([path], "x", out, keys=["observation.gripper", "observation.state"])
    assert np.array_equal(read(out)["observations"][:, 1:], STATES)


@pytest.mark.parametrize("steps", [100, 30_000])
@pytest.mark.parametrize("layout", formats.LAYOUTS)
def test_memory_is_what_is_kept_and_a_block_or_two_episodes(tmp_path, monkeypatch, layout, steps):
    """Of a recording of many episodes, and of one that is all of it."""
    installed(layout.split()[0].lower())
    rows = np.random.default_rng(0).random((30_000, 69), np.float32)
    monkeypatch.setattr(robot_files, "STATES", rows[:, :60])
    monkeypatch.setattr(robot_files, "ACTIONS", rows[:, 60:])
    monkeypatch.setattr(robot_files, "ENDS", np.arange(steps, 30_001, steps))
    path = formats.LAYOUTS[layout](tmp_path)
    arrow = [0]
    if layout == "LeRobot":  # Arrow's memory is not Python's

        def looked_at(*values, **how):
            arrow.append(pyarrow.total_allocated_bytes())
            return first_wrong(*values, **how)

        pyarrow = pytest.importorskip("pyarrow")
        monkeypatch.setattr("fist.data.sources.recordings.first_wrong", looked_at)
    tracemalloc.start()
    try:
        auto([path], "x", tmp_path / "out.hdf5")
        most = max(arrow) + tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    kept, largest = 30_000 * (69 * 4 + 4 + 2), steps * 69 * 4
    assert most < kept + 2 * largest + (6 << 20)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the most")
@pytest.mark.parametrize("layout", ["D4RL", "robomimic"])
def test_what_hdf5_keeps_for_itself_is_a_few_megabytes(monkeypatch, layout):
    """Of many episodes, which `tracemalloc` does not see."""
    for name in ("STATES", "ACTIONS", "ENDS"):  # which the benchmark sets
        monkeypatch.setattr(robot_files, name, getattr(robot_files, name))
    kept, largest = 40_000 * (69 * 4 + 4 + 2), 50 * 69 * 4
    taken = formats.memory(formats.LAYOUTS[layout], 40_000, 50)
    assert taken * 1e6 < kept + 2 * largest + (8 << 20)


FAULTS = {
    "a key that is not there": ({"keys": ["arms"]}, r"has no arms; there are .*arm \(2,\)"),
    "a key twice": ({"keys": ["arm", "arm"]}, "arm is named twice"),
    "no actions": ({"actions": ["force"]}, "has no force"),
    "discrete actions": ({"actions": ["dones"]}, "discrete actions cannot be learnt"),
    "a filter that is not there": ({"mask": "valid"}, "missing mask/valid; found train"),
    "a range of other dimensions": ({"action_range": [[0, 0, 0], 1]}, "for 2 dimensions"),
    "a range of nothing": ({"action_range": [1, 0]}, "no range"),
}


@pytest.mark.parametrize(("options", "fault"), FAULTS.values(), ids=FAULTS)
def test_faults_are_told_by_headers_alone(tmp_path, options, fault):
    path = robot_files.robomimic(tmp_path)
    with pytest.raises(DataError, match=fault) as error:
        auto([path], "x", None, **options)
    assert str(path) in str(error.value) and len(str(error.value)) < 500


SPACES = {
    "Box": spaces.Box(-1, 1, (2, 3), np.float64),
    "Discrete": spaces.Discrete(4, start=-1),
    "MultiDiscrete": spaces.MultiDiscrete([2, 5]),
    "MultiBinary": spaces.MultiBinary(3),
    "Tuple": spaces.Tuple([spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(3)]),
    "Dict": spaces.Dict(
        position=spaces.Box(-1, 1, (2,), np.float32),
        inner=spaces.Dict(mode=spaces.Discrete(3), goal=spaces.Box(-9, 9, (1,), np.float32)),
        bits=spaces.MultiBinary(2),
    ),
}


class Observing(gymnasium.Env):
    """Observes what its space says."""

    def __init__(self, name="Box"):
        self.observation_space, self.action_space = SPACES[name], spaces.Box(-2, 3, (2,))


def minari_set(folder, space, action_space, actions=None, env=None):
    """Write a set of one episode with Minari; return its folder and its observations."""
    installed("minari")
    for one in (space, action_space):
        one.seed(0)
    observed = [space.sample() for _ in range(6)]
    acted = stacked([action_space.sample() for _ in range(5)]) if actions is None else actions
    episode = (stacked(observed), acted, [1.0] * 5, False)
    return robot_files.minari_set(folder, [episode], space, action_space, env), observed


def stacked(values):
    """Return what an episode has of values of a space."""
    if isinstance(values[0], dict):
        return {key: stacked([value[key] for value in values]) for key in values[0]}
    if isinstance(values[0], tuple):
        return tuple(map(stacked, zip(*values, strict=True)))
    return np.array(values)


@pytest.mark.parametrize("name", SPACES)
def test_minaris_observations_are_what_gymnasium_flattens(tmp_path, monkeypatch, name):
    space, actions = SPACES[name], np.linspace(-2, 3, 10, dtype="f4").reshape(5, 2)
    gymnasium.register(f"{name}Space-v0", f"{__name__}:Observing", kwargs={"name": name})
    acting = spaces.Box(-2, 3, (2,))
    env = gymnasium.spec(f"{name}Space-v0")
    place, observed = minari_set(tmp_path / "sets", space, acting, actions, env)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "sets"))
    out = tmp_path / "out.hdf5"
    for reads, files in ((import_minari, []), (auto, [place])):
        reads(files, "robot/set-v0", out)
        arrays = read(out)
        expected = [spaces.flatten(space, one) for one in observed[:-1]]
        assert np.array_equal(arrays["observations"], expected)
    assert np.array_equal(arrays["actions"], actions) and arrays["rewards"].tolist() == [1.0] * 5
    assert np.flatnonzero(arrays["timeouts"]).tolist() == [4] and not arrays["terminals"].any()
    assert load_episodes(out).scale == ActionScale((-2.0, -2.0), (3.0, 3.0), "space")
    assert recognised(place) == "minari" and auto([place], "x", None)["layout"] == "minari"
    if name == "Dict":
        auto([place], "x", out, keys=["inner/goal", "position"])
        goal = [[*one["inner"]["goal"], *one["position"]] for one in observed[:-1]]
        assert np.array_equal(read(out)["observations"], goal)


WHOLE = spaces.Box(0, 3, (2,), np.int64)


@pytest.mark.parametrize(
    "space", [*SPACES.values()][1:] + [WHOLE], ids=lambda one: type(one).__name__
)
def test_minaris_other_actions_are_refused_by_name(tmp_path, space):
    place, _ = minari_set(tmp_path, spaces.Box(-1, 1), space)
    with pytest.raises(DataError, match="only a Box of real numbers can be learnt") as error:
        auto([place], "x", None)
    assert f"has actions of {type(space).__name__}(" in str(error.value) and "\n" not in str(
        error.value
    )


def object_array(path):
    np.savez(path, observations=np.array([{}] * 3, object), actions=np.zeros((3, 2)))


def uneven(path):
    np.savez(path, observations=np.zeros((5, 2)), actions=np.zeros((3, 2)))


def no_flag(path):
    arrays = {"observations": np.zeros((3, 2)), "actions": np.zeros((3, 2))}
    np.savez(path, **arrays, terminals=np.array([0, 0.3, 1]))


def not_a_number(path):
    np.savez(path, observations=np.full((3, 2), np.nan), actions=np.zeros((3, 2)))


def bomb(path):
    np.savez_compressed(path, observations=np.zeros((10**7, 5)), actions=np.zeros((10**7, 2)))


def cut(path):
    robot_files.npz(path.parent).rename(path)
    path.write_bytes(path.read_bytes()[:-99])


@pytest.mark.parametrize(
    ("damage", "fault"),
    {
        object_array: "has no actions|has no column|no column of flat rows",
        uneven: "differ in length",
        no_flag: r"terminals\[1\] is 0.3, neither 0 nor 1",
        not_a_number: "row 0, is nan, not a finite",
        bomb: "bomb",
        cut: "damaged",
    }.items(),
)
def test_a_bad_npz_is_refused_in_a_line(tmp_path, damage, fault):
    path = tmp_path / "bad.npz"
    damage(path)
    with pytest.raises(DataError, match=fault) as error:
        auto([path], "x", tmp_path / "out.hdf5")
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out.hdf5").exists()


@pytest.mark.parametrize("version", [2, 3])
def test_a_replay_buffer_that_would_run_a_pickle_or_leads_elsewhere_is_refused(tmp_path, version):
    installed("zarr")
    path = robot_files.zarr(tmp_path, version)
    header = path / "data/state" / (".zarray" if version == 2 else "zarr.json")
    told = json.loads(header.read_text())
    more = {"filters": [{"id": "pickle"}]} if version == 2 else {"codecs": [{"name": "pickle"}]}
    header.write_text(json.dumps(told | more))
    with pytest.raises(DataError, match="data/state is packed by .*pickle.*: refused"):
        auto([path], "x", None)
    header.write_text(json.dumps(told | {"shape": [10**9, 3]}))
    with pytest.raises(DataError, match="differ in length"):
        auto([path], "x", None)
    header.unlink()
    header.symlink_to("/etc/hostname")
    with pytest.raises(DataError, match="refers to another place"):
        auto([path], "x", None)


@pytest.mark.parametrize("name", ["data", "data/demo_0", "data/demo_1/obs", "data/demo_0/actions"])
def test_an_array_for_a_group_or_a_group_for_an_array_is_refused_by_name(tmp_path, name):
    """However large the array is: it is not walked through."""
    path = robot_files.robomimic(tmp_path)
    with h5py.File(path, "r+") as file:
        del file[name]
        if name.endswith("actions"):
            file.create_group(name)
        else:
            file.create_dataset(name, (10**8, 4), "f4", chunks=(1, 4))
    with pytest.raises(DataError, match=name.rpartition("/")[2]) as error:
        auto([path], "x", None)
    assert str(path) in str(error.value) and "damaged" not in str(error.value)


MASKS = {
    "no name": (np.array([], "S6"), "names no demonstration"),
    "another name": (np.array([b"demo_9"]), "names 'demo_9', which is not in data"),
    "numbers": (np.arange(3), "names '0', which is not in data"),
    "a number": (np.array(3), "is no list of demonstrations"),
    "long names": (np.array([b"x" * 2000]), "has a name of 2000 characters"),
}


@pytest.mark.parametrize(("mask", "fault"), MASKS.values(), ids=MASKS)
def test_a_filter_that_is_no_list_of_demonstrations_is_refused(tmp_path, mask, fault):
    path = robot_files.robomimic(tmp_path)
    with h5py.File(path, "r+") as file:
        file["mask/bad"] = mask
    with pytest.raises(DataError, match=f"mask/bad {fault}"):
        auto([path], "x", None, mask="bad")


@pytest.mark.parametrize("name", ["actions", "obs/arm", "obs"])
def test_a_robomimic_file_that_refers_to_another_is_refused(tmp_path, name):
    path = robot_files.robomimic(tmp_path)
    with h5py.File(path, "r+") as file:
        del file[f"data/demo_1/{name}"]
        file[f"data/demo_1/{name}"] = h5py.ExternalLink("victim.hdf5", "/x")
    with pytest.raises(DataError, match="refers to another place") as error:
        auto([path], "x", None)
    assert str(path) in str(error.value)


def test_what_robosuite_and_robomimic_write_comes_in_bit_for_bit(tmp_path, monkeypatch):
    """Written by their own code alone; what `docs/formats/robomimic.md` installs."""
    robosuite = pytest.importorskip("robosuite", exc_type=ImportError)
    scripts = "robomimic.scripts"
    pytest.importorskip(f"{scripts}.dataset_states_to_obs", exc_type=ImportError)
    from robosuite.scripts.collect_human_demonstrations import gather_demonstrations_as_hdf5

    about = {"env_name": "Lift", "robots": ["Panda"]}
    without = dict.fromkeys(("has_renderer", "has_offscreen_renderer", "use_camera_obs"), False)
    env = robosuite.make(**about, **without)
    env._check_success = lambda: True  # only what succeeds is kept
    recorder = robosuite.wrappers.DataCollectionWrapper(env, str(tmp_path / "raw"), flush_freq=4)
    for steps in (6, 3):
        recorder.reset()
        for _ in range(steps):
            recorder.step(np.random.default_rng(steps).uniform(-1, 1, env.action_dim))
    recorder.close()
    gather_demonstrations_as_hdf5(str(tmp_path / "raw"), str(tmp_path), json.dumps(about))
    recorded, out = tmp_path / "demo.hdf5", tmp_path / "out.hdf5"
    for name, *words in (
        ("conversion.convert_robosuite",),
        ("split_train_val", "--ratio", "0.5"),
        ("dataset_states_to_obs", "--output_name", "obs.hdf5", "--done_mode", "2", "--compress"),
    ):
        monkeypatch.setattr("sys.argv", [name, "--dataset", str(recorded), *words])
        runpy.run_module(f"{scripts}.{name}", run_name="__main__")
    for path, of in ((recorded, ""), (tmp_path / "obs.hdf5", "obs/")):
        told = auto([path], "x", out)
        arrays = read(out)
        with h5py.File(path) as file:
            demos = [file["data/demo_1"], file["data/demo_2"]]
            seen = [[demo[of + name][()] for name, _ in told["state_names"]] for demo in demos]
            acted = [demo["actions"][()] for demo in demos]
        assert np.array_equal(arrays["observations"], np.vstack([*map(np.hstack, seen)]))
        assert np.array_equal(arrays["actions"], np.vstack(acted))
        ends = "terminals" if of else "timeouts"  # what was recorded tells no ends
        assert np.flatnonzero(arrays[ends]).tolist() == [len(acted[0]) - 1, 8]
        auto([path], "x", out, keys=["states"], mask="valid")
        assert read(out)["observations"].shape in ((3, 32), (6, 32))


def test_a_data_set_of_lerobots_is_fetched_by_its_name_on_the_hub(tmp_path):
    """Without its videos; what cannot be had, or is no data set of theirs, is named in a line."""
    installed("lerobot")
    pytest.importorskip("huggingface_hub")
    path, out = robot_files.lerobot(tmp_path), tmp_path / "made" / "out.hdf5"
    (path / "videos").mkdir()
    (path / "videos" / "a.mp4").write_bytes(b"not fetched")
    with serving(b"", hub(path, "robots/play")) as server:
        place = server.url.removesuffix("/data/play.hdf5")
        env = {**os.environ, "HF_ENDPOINT": place, "HF_HOME": str(tmp_path / "home")}

        def fetched(what, **options):
            """Fetch as a job does: its library reads the address when it is imported."""
            code = "from fist.commands.main import main; main()"
            words = ["convert", "--source=lerobot", f"--what={what}", f"--out={out}"]
            command = [sys.executable, "-c", code, *words, f"--arguments={json.dumps(options)}"]
            done = subprocess.run(command, env=env, capture_output=True, text=True)
            assert {file.stem for file in out.parent.iterdir()} <= {"out"}
            return done.stderr

        said = fetched("robots/play", keys=["nothing"])
        assert "robots/play: has no nothing; there are " in said and not out.exists()
        assert not out.exists() and "Traceback" not in fetched("robots/play")
        assert np.array_equal(read(out)["observations"], STATES)
        assert np.array_equal(read(out)["actions"], ACTIONS)
        assert "robots/none could not be fetched from the hub (404 " in fetched("robots/none")
        assert out.exists() and out.with_suffix(".json").exists()  # of before
    with pytest.raises(DataError, match="robots/play: zarr fetches nothing"):
        convert("zarr", "robots/play", out)


def test_a_data_set_of_lerobots_that_is_not_what_it_says_is_refused(tmp_path):
    installed("lerobot")
    path = robot_files.lerobot(tmp_path)
    about = path / "meta/info.json"
    told = json.loads(about.read_text())
    for change, fault in (
        ({"total_frames": 13}, "12 rows in data/, meta/info.json tells 13"),
        ({"codebase_version": "v9"}, "of version 'v9'"),
        ({"features": {}}, "has no action"),
    ):
        about.write_text(json.dumps(told | change))
        with pytest.raises(DataError, match=fault):
            auto([path], "x", None)
    about.write_text(json.dumps(told | {"total_episodes": 3}))
    with pytest.raises(DataError, match="2 episodes in data/, info.json tells 3"):
        auto([path], "x", tmp_path / "out.hdf5")
    about.write_text(json.dumps(told))
    file = path / "data/chunk-000/file-000.parquet"
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(file)
    parquet.write_table(rows.take([*range(5, 12), *range(5)]), file)
    with pytest.raises(DataError, match="episode_index 0 after 1: rows out of order"):
        auto([path], "x", tmp_path / "out.hdf5")
    shutil.move(file, tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="refers to another place"):
        auto([path], "x", None)


@pytest.mark.parametrize("layout", ["minari", "robomimic", "lerobot"])
def test_what_goes_out_comes_in_again_as_it_was(tmp_path, layout):
    installed(layout)
    data = tmp_path / "data.hdf5"
    arrays = {
        "observations": STATES,
        "actions": ACTIONS,
        "rewards": np.linspace(-1, 2, 12, dtype=np.float32),
        "terminals": np.arange(12) == 4,
        "timeouts": np.arange(12) == 11,
    }
    scale = ActionScale((-200.0, -250.0), (300.0, 300.0))
    write(data, arrays, {"action_scale": scale.label()})
    places = {"minari": "kitchen/a-v0/data/main_data.hdf5", "lerobot": "set/meta/info.json"}
    out = tmp_path / "out" / places.get(layout, "a.hdf5")
    export(layout, data, out)
    convert(
        "auto", "x", tmp_path / "again.hdf5", (out if layout == "robomimic" else out.parents[1],)
    )
    again = read(tmp_path / "again.hdf5")
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(again[name], array) and again[name].dtype == array.dtype


def test_d4rls_layout_may_have_any_actions_and_columns(tmp_path):
    path, out = tmp_path / "a.hdf5", tmp_path / "out.hdf5"
    ends = np.isin(np.arange(12), ENDS - 1)
    write(path, {"observations": STATES, "actions": ACTIONS, "terminals": ends, "more": STATES})
    auto([path], "x", out, keys=["more", "observations"])
    assert np.array_equal(read(out)["observations"], np.hstack([STATES, STATES]))
    with pytest.raises(DataError, match=r"outside \[-1, 1\]: name their range \(source: auto"):
        load_episodes(path)


def test_a_local_file_of_another_layout_is_told_its_source_at_once(tmp_path):
    """However many episodes it has."""
    path = tmp_path / "main_data.hdf5"
    with h5py.File(path, "w") as file:
        for number in range(300):
            file.create_group(f"episode_{number}")
    for reads in (load_episodes, lambda path: local([path], "x", None)):
        with pytest.raises(DataError, match=r"source: minari") as error:
            reads(path)
        assert len(str(error.value)) < 300
    with pytest.raises(DataError, match="source: robomimic"):
        load_episodes(robot_files.robomimic(tmp_path))


ARM = """\
import gymnasium
import numpy as np


class Arm(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-9, 9, (3,))
    action_space = gymnasium.spaces.Box(-250, 350, (2,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(3, np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action) and np.abs(action).max() > 1
        return np.zeros(3, np.float32), 0.0, False, False, {"success": True}


gymnasium.register("Arm-v0", f"{__name__}:Arm", max_episode_steps=3)
"""
PAGES = sorted((ROOT / "docs" / "formats").glob("*.md"))


def demonstrations(name, folder):
    """Write what a page reads."""
    if name == "minari":
        convert("npz", "x", folder / "a.hdf5", (robot_files.npz(folder),))
        export("minari", folder / "a.hdf5", folder / "arm/demos-v0/data/main_data.hdf5")
    else:
        how = {"npz": {"how": "files"}}.get(name, {})
        made = getattr(robot_files, name)(folder, **how)
        made.rename(folder / f"demos{made.suffix}")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_leads_from_a_folder_to_a_table(tmp_path, monkeypatch, page):
    installed(page.stem)
    folder = copy_pipeline(tmp_path)
    (folder / "arm.py").write_text(ARM)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    (block,) = re.findall("```yaml\n(.*?)```", page.read_text(), flags=re.S)
    assert len(block.splitlines()) <= 15
    place = folder / "recordings"
    place.mkdir()
    demonstrations(page.stem, place)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(place))
    file, table = folder / f"{page.stem}.yaml", "results/arm_table.csv"
    file.write_text(block)
    status, said = snakemake(folder, "-j1", table, "--configfile", file.name)
    assert status == 0, said
    (row,) = csv.DictReader((folder / table).open())
    assert row["method"] == "neighbours" and float(row["success_rate"]) == 1


def test_a_plan_tells_what_cannot_be_used(tmp_path, monkeypatch):
    folder = copy_pipeline(tmp_path)
    (folder / "arm.py").write_text(ARM)
    robot_files.robomimic(folder)
    block = re.search("```yaml\n(.*?)```", (ROOT / "docs/formats/robomimic.md").read_text(), re.S)[
        1
    ]
    block = block.replace("local_dir: recordings", "local_dir: .").replace("gripper]", "hand]")
    (folder / "a.yaml").write_text(block.replace("play.hdf5", "demos.hdf5"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    status, said = snakemake(folder, "-n", "--configfile", "a.yaml")
    assert status == 1 and "`environments.arm.data.demos`: " in said
    assert "demos.hdf5: has no hand; " in said
    (folder / "a.yaml").write_text(block.replace("source: robomimic", "source: local"))
    (folder / "play.hdf5").write_bytes((folder / "demos.hdf5").read_bytes())
    status, said = snakemake(folder, "-n", "--configfile", "a.yaml")
    assert status == 1 and "is of another layout than local: source: robomimic" in said


def test_what_is_in_a_recording_is_told_by_its_header(recording, capsys):
    source, path = recording
    if source == "local":
        return  # its rows are told, too: test_inspect.py
    inspect(path)
    said = capsys.readouterr().out
    assert f"{path}: source: {source}" in said and "float32, rows of (2,)" in said


@pytest.mark.parametrize("ends", [[2**62, -(2**63) + 10], [0, 3], [3, 3], [4, 2], [9], []])
def test_ends_that_do_not_rise_up_to_the_rows_are_refused_however_large(ends):
    with pytest.raises(DataError, match="are no rising numbers of rows up to 5"):
        checked_ends("ends", np.array(ends, np.int64), 5)
    assert checked_ends("ends", np.array([2, 5], np.uint64), 5).tolist() == [2, 5]
