"""Laws of the pipeline's data from elsewhere: every source gives the data that it holds."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import gymnasium
import h5py
import numpy as np
import pytest
import robot_files
import yaml
from gymnasium.spaces import Box, Dict
from mjl import set_points, write_log
from pipeline_copy import copy_pipeline, plan, snakemake
from recordings import random_episodes

import d4rl
from d4rl.kitchen.generate import generate
from d4rl_layout import write
from fist.data.episodes import DataError, load_episodes, save_episodes
from fist.data.sources.archive import ArchiveError
from fist.data.sources.convert import convert
from fist.data.sources.exports import export_minari
from fist.data.sources.minari import import_minari
from fist.data.sources.release import demonstrations, unpack

PLAY = "kettle-bottom_burner-light_switch"
TASK = "microwave-kettle"
SPLIT = "data/kitchen/play/no_microwave.hdf5"
DEMOS = f"data/kitchen/demos/{TASK}.hdf5"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder with a recording of play, one of demonstrations, and archives of both."""
    folder = tmp_path_factory.mktemp("recorded")
    for number, sequence in enumerate((PLAY, TASK)):
        path = folder / f"{sequence}.hdf5"
        generate(path, sequence.split("-"), 2, number, only_successful=True, progress=False)
    with zipfile.ZipFile(folder / "kitchen.zip", "w") as archive:
        archive.write(folder / f"{PLAY}.hdf5", "data/kitchen/kitchen-mixed-no-microwave.hdf5")
        archive.write(folder / f"{TASK}.hdf5", "data/kitchen/kitchen-demo-microwave_kettle.hdf5")
    with zipfile.ZipFile(folder / "logs.zip", "w") as archive:
        for sequence in (PLAY, TASK):
            dataset = d4rl.get_dataset(folder / f"{sequence}.hdf5")
            for number, episode in enumerate(d4rl.sequence_dataset(dataset=dataset)):
                log = folder / f"{sequence}_{number}.mjl"
                write_log(log, *set_points(episode["observations"], episode["actions"]))
                archive.write(log, f"multitask/friday_{sequence}/{log.name}")
        archive.writestr(f"multitask/friday_{PLAY}/cut.mjl", log.read_bytes()[:-9])
        archive.write(log, f"multitask/friday_{PLAY}/{log.stem}(1).mjl")
        archive.write(log, f"multitask/friday_{PLAY}/{log.stem}.mjl")
    return folder


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return copy_pipeline(tmp_path_factory.mktemp("pipeline"))


def configured(pipeline, play, demos, downloads=()):
    """Write a configuration for one task with the given data; return Snakemake's options."""
    config = {
        "environments": {
            "kitchen": {
                "data": {"play": play, "demos": demos},
                "tasks": {"microwave": {"order": TASK.split("-")}},
            }
        },
        "tables": {"kitchen_table": {"tasks": ["microwave"], "methods": ["spirl"]}},
        "downloads": {path.name: {"urls": [path.as_uri()]} for path in downloads},
    }
    name = f"config/{play['source'].replace(':', '.')}.yaml"
    (pipeline / name).write_text(yaml.safe_dump(config))
    shutil.rmtree(pipeline / "data", ignore_errors=True)
    return "--configfile", name


def check_data(pipeline, play_rows, demo_rows):
    """Make sure that play and demonstrations have come through, in the numbers given."""
    play, demos = load_episodes(pipeline / SPLIT), load_episodes(pipeline / DEMOS)
    assert play.lengths.tolist() == play_rows
    assert demos.lengths.tolist() == demo_rows
    assert play.state_dim == demos.state_dim == 60


def rows(path):
    return load_episodes(path).lengths.tolist()


@pytest.mark.slow
def test_published_files_are_used_as_they_are(pipeline, recorded):
    files = [recorded / f"{sequence}.hdf5" for sequence in (PLAY, TASK)]
    options = configured(
        pipeline,
        {"source": "d4rl", "files": [files[0].name]},
        {"source": "d4rl", "files": {TASK: files[1].name}},
        files,
    )
    status, said = snakemake(pipeline, "-j2", SPLIT, DEMOS, *options)
    assert status == 0, said
    check_data(pipeline, rows(files[0]), rows(files[1]))
    lock = json.loads((pipeline / "data/cache/checksums.json").read_text())
    assert sorted(lock) == sorted(file.name for file in files)
    status, said = snakemake(pipeline, "-j2", SPLIT, DEMOS, *options)
    assert "Nothing to be done" in said


def test_members_of_the_release_are_unpacked_by_split_and_sequence(pipeline, recorded):
    options = configured(
        pipeline,
        {
            "source": "fist",
            "archive": "kitchen.zip",
            "files": {"no_microwave": ["kitchen-mixed-no-microwave.hdf5"]},
        },
        {
            "source": "fist",
            "archive": "kitchen.zip",
            "files": {TASK: "kitchen-demo-microwave_kettle.hdf5"},
        },
        [recorded / "kitchen.zip"],
    )
    status, said = snakemake(pipeline, "-j2", SPLIT, DEMOS, *options)
    assert status == 0, said
    check_data(pipeline, rows(recorded / f"{PLAY}.hdf5"), rows(recorded / f"{TASK}.hdf5"))
    status, said = snakemake(pipeline, "data/kitchen/play/no_kettle.hdf5", *options, "-n")
    assert status == 1
    assert "no play data for no_kettle: name its files in the configuration" in said


@pytest.mark.slow
def test_raw_logs_are_replayed_and_what_is_left_out_is_reported(pipeline, recorded):
    common = {
        "source": "relay",
        "archive": "logs.zip",
        "converter": "d4rl.recorded.relay:convert",
    }
    options = configured(
        pipeline,
        common | {"files": [f"*_{PLAY}"]},
        common | {"files": {TASK: f"*_{TASK}"}},
        [recorded / "logs.zip"],
    )
    status, said = snakemake(pipeline, "-j2", SPLIT, DEMOS, *options)
    assert status == 0, said
    (file,) = (pipeline / "data/kitchen/raw").glob(f"logs-*{PLAY}-*.json")
    report = json.loads(file.read_text())
    assert report["source"] == "relay" and report["files"][0]["path"] == "data/downloads/logs.zip"
    skipped = {path.rpartition("/")[2]: why for path, why in report["skipped"].items()}
    assert sorted(skipped) == ["cut.mjl", f"{TASK}_1.mjl"]
    assert "is cut off within a record" in skipped["cut.mjl"]
    assert skipped[f"{TASK}_1.mjl"] == f"a duplicate of {TASK}_1(1).mjl"
    # The copy of a demonstration in the play folder does the held-out element: it is left out.
    check_data(pipeline, rows(recorded / f"{PLAY}.hdf5"), rows(recorded / f"{TASK}.hdf5"))


@pytest.mark.slow
def test_minari_data_sets_come_in_and_go_out(pipeline, recorded, monkeypatch):
    pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(recorded / "minari"))
    for name in (PLAY, TASK):
        export_minari(recorded / f"{name}.hdf5", f"kitchen/{name}-v0", "d4rl:kitchen-mixed-v0")
    options = configured(
        pipeline,
        {"source": "minari", "files": [f"kitchen/{PLAY}-v0"]},
        {"source": "minari", "files": {TASK: f"kitchen/{TASK}-v0"}},
    )
    out = f"data/minari/kitchen/demos-{TASK}-v0/data/main_data.hdf5"
    status, said = snakemake(pipeline, "-j2", SPLIT, out, *options)
    assert status == 0, said
    check_data(pipeline, *[rows(recorded / f"{name}.hdf5") for name in (PLAY, TASK)])
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(pipeline / "data" / "minari"))
    again = recorded / "again.hdf5"
    import_minari([], f"kitchen/demos-{TASK}-v0", again)
    episode, original = load_episodes(again), load_episodes(pipeline / DEMOS)
    assert np.array_equal(episode.observations[0], original.observations[0])


def test_the_papers_configuration_plans_without_a_network(pipeline):
    options = ("--configfile", "config/paper.yaml")
    jobs = plan(pipeline, "all", "results/paper/kitchen_tasks.csv", *options)
    rules = [job.rule for job in jobs]
    assert rules.count("download_data") == 1 and "generate_data" not in rules
    assert plan(pipeline, "results/paper/maze_table.csv", *options)


def test_a_download_that_fails_names_the_page_and_the_place(pipeline, recorded):
    options = configured(
        pipeline,
        {"source": "d4rl", "files": ["gone.hdf5"]},
        {"source": "d4rl", "files": {TASK: "gone.hdf5"}},
        [recorded / "gone.hdf5"],
    )
    page = "downloads={gone.hdf5: {page: 'http://x.org'}}"
    status, said = snakemake(pipeline, "-j2", SPLIT, *options, "--config", page)
    assert status == 1
    assert "by hand from http://x.org and put it at data/cache/gone.hdf5" in said
    assert not (pipeline / "data/downloads/gone.hdf5").exists()


def test_a_recording_without_an_end_becomes_one_episode(tmp_path):
    save_episodes(tmp_path / "blocked.hdf5", random_episodes([30, 20]))
    with h5py.File(tmp_path / "blocked.hdf5", "r+") as file:
        file["terminals"][:] = False
    with zipfile.ZipFile(tmp_path / "maze.zip", "w") as archive:
        archive.write(tmp_path / "blocked.hdf5", "data/maze/left/blocked.hdf5")
    unpack([tmp_path / "maze.zip"], "left/blocked.hdf5", tmp_path / "out.hdf5")
    assert load_episodes(tmp_path / "out.hdf5").lengths.tolist() == [50]


def test_pickled_demonstrations_become_a_data_set(tmp_path):
    rng = np.random.default_rng(0)
    states = [rng.normal(size=(n + 1, 4)) for n in (12, 20)]
    actions = [rng.uniform(-1, 1, size=(n, 2)) for n in (12, 20)]
    with zipfile.ZipFile(tmp_path / "maze.zip", "w") as archive:
        archive.writestr("data/maze/left/demos.pkl", pickle.dumps((states, actions)))
    unpack([tmp_path / "maze.zip"], "demos.pkl", tmp_path / "out.hdf5")
    loaded = load_episodes(tmp_path / "out.hdf5")
    assert loaded.lengths.tolist() == [12, 20]
    np.testing.assert_array_equal(loaded.observations[1], states[1][:-1].astype("f4"))


SOURCE = """\
import numpy as np

from d4rl_layout import write


def load(files, what, out, rows="ends"):
    (file,) = files
    arrays = np.load(file)
    named = {"observations": arrays["states"], "actions": arrays["actions"]}
    write(out, named | {"terminals": arrays[rows]})
    return {"read_by": what}


def nothing(files, what, out):
    out.write_text("<html>")
"""


def test_a_source_is_one_function_and_may_stand_outside_the_repository(
    pipeline, recorded, tmp_path, monkeypatch
):
    (tmp_path / "my_source.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    for name in (PLAY, TASK):
        dataset = d4rl.get_dataset(recorded / f"{name}.hdf5")
        arrays = {"states": dataset["observations"], "actions": dataset["actions"]}
        np.savez(tmp_path / f"{name}.npz", **arrays, last=dataset["terminals"])
    own = {"source": "my_source:load", "options": {"rows": "last"}}
    options = configured(
        pipeline,
        own | {"files": [f"{PLAY}.npz"]},
        own | {"files": {TASK: f"{TASK}.npz"}},
    )
    command = [sys.executable, "-m", "snakemake", "-j2", SPLIT, DEMOS, *options]
    run = subprocess.run(
        [*command, "--config", f"local_dir={tmp_path}"],
        cwd=pipeline,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    check_data(pipeline, rows(recorded / f"{PLAY}.hdf5"), rows(recorded / f"{TASK}.hdf5"))
    (report,) = (pipeline / "data/kitchen/raw").glob(f"{PLAY}*.json")
    assert json.loads(report.read_text())["read_by"] == f"{PLAY}.npz"
    with pytest.raises(DataError, match="not an HDF5 file"):
        convert("my_source:nothing", "x", tmp_path / "out.hdf5")
    assert not (tmp_path / "out.hdf5").exists()


def test_a_source_of_one_s_own_is_given_its_files_unless_it_fetches_them(pipeline):
    """One that is not there is told before anything runs, however it is misspelt."""
    (pipeline / "own_source.py").write_text("def load(files, what, out): ...\n")
    play = {"source": "own_source:load", "files": ["play.npz"]}
    options = configured(pipeline, play, {"source": "local", "files": {TASK: "x.hdf5"}})
    status, said = snakemake(pipeline, "-n", SPLIT, *options)
    assert status == 1 and "MissingInputException" in said and "data/play.npz" in said
    assert "`environments.kitchen.data.play.files`: data/play.npz is not there" in said
    configured(pipeline, play | {"fetches": True}, {"source": "generated"})
    (job,) = [job for job in plan(pipeline, SPLIT, *options) if job.rule == "fetch_data"]
    assert job.input == []


def test_what_is_made_of_two_archives_or_members_has_two_names(pipeline, recorded):
    """Members of one name in two archives, a member and its namesake of another format."""
    names = {"play.zip": "maze/data.hdf5", "demos.zip": "maze/data.pkl"}
    for archive in names:
        shutil.copy(recorded / "kitchen.zip", recorded / archive)
    options = configured(
        pipeline,
        {"source": "fist", "archive": "play.zip", "files": ["maze/data.hdf5", "maze/data.pkl"]},
        {"source": "fist", "archive": "demos.zip", "files": {TASK: "maze/data.pkl"}},
        [recorded / archive for archive in names],
    )
    status, said = snakemake(pipeline, SPLIT, *options, "-n", "--verbose")
    assert status == 0, said
    made = re.findall(r"input: .*?(data/downloads/\w+.zip)\n    output: (\S+hdf5)", said)
    assert len(made) == len(dict(map(reversed, made))) == 3
    assert all(Path(archive).stem in output for archive, output in made)


BAD = {
    "no lists": ({"states": []}, "expected a list of states"),
    "uneven": (([np.zeros((3, 2))], []), "1 lists of states, 0 of actions"),
    "flat": (([np.zeros(3)], [np.zeros(2)]), r"episode 0 has states \(3,\)"),
    "too few states": (([np.zeros((3, 2))], [np.zeros((5, 2))]), "expected"),
    "rows of nothing": (([np.zeros((10**9, 0))], [np.zeros((10**9, 0))]), "no more numbers than"),
    "no dimension": (([np.zeros((3, 0))], [np.zeros((3, 0))]), "no more numbers than"),
    "no rows": (([np.zeros(())], [np.zeros(())]), "expected"),
}


@pytest.mark.parametrize(("value", "reason"), BAD.values(), ids=BAD)
def test_other_pickles_are_refused(tmp_path, value, reason):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(DataError, match=reason):
        demonstrations(tmp_path / "a.pkl")


def test_a_member_must_be_named_clearly(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("left/demos.pkl", b"")
        archive.writestr("right/demos.pkl", b"")
    with pytest.raises(ArchiveError, match=r"matches several files: left/demos.pkl, right/demos"):
        unpack([tmp_path / "a.zip"], "demos.pkl", tmp_path / "out.hdf5")


class Reach(gymnasium.Env):
    """Observes a dictionary whose keys are in no alphabetical order."""

    observation_space = Dict(position=Box(-1, 1, (2,)), goal=Box(-9, 9, (1,)))
    action_space = Box(-1, 1, (1,))


gymnasium.register("Reach-v0", entry_point=f"{__name__}:Reach")


def minari_set(monkeypatch, folder, observation, actions):
    """Make a Minari data set of one episode."""
    pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(folder))
    episode = (observation, list(actions), [0.0] * len(actions), True)
    spec = gymnasium.spec("Reach-v0")
    robot_files.minari_set(
        folder, [episode], Reach.observation_space, Reach.action_space, spec, "reach/a-v0"
    )


def test_minaris_dictionaries_are_laid_flat_in_the_environments_order(tmp_path, monkeypatch):
    observed = {"position": np.full((4, 2), 0.5, "f4"), "goal": np.full((4, 1), 7, "f4")}
    actions = np.zeros((3, 1), "f4")
    minari_set(monkeypatch, tmp_path / "minari", observed, actions)
    import_minari([], "reach/a-v0", tmp_path / "out.hdf5")
    states = load_episodes(tmp_path / "out.hdf5").states
    assert states.tolist() == [[0.5, 0.5, 7.0]] * 3


@pytest.mark.parametrize("spaces", [True, False])
def test_nothing_is_called_that_a_minari_data_set_names(tmp_path, monkeypatch, spaces):
    """Minari would make the environment to see its spaces, and we to see their order."""
    observed = {"position": np.zeros((4, 2), "f4"), "goal": np.zeros((4, 1), "f4")}
    minari_set(monkeypatch, tmp_path / "minari", observed, np.zeros((3, 1), "f4"))
    (file,) = (tmp_path / "minari").rglob("data/metadata.json")
    about = json.loads(file.read_text())
    told = {"entry_point": "os:system", "kwargs": {"command": f"touch {tmp_path / 'pwned'}"}}
    about["env_spec"] = json.dumps(json.loads(about["env_spec"]) | told | {"id": "Evil-v0"})
    if not spaces:
        del about["observation_space"]
    file.write_text(json.dumps(about))
    out = tmp_path / "out.hdf5"
    if spaces:
        import_minari([], "reach/a-v0", out)
        import_minari([], "reach/a-v0", out, env_id="Reach-v0")
    else:
        with pytest.raises(DataError, match=r"no metadata.json with both spaces"):
            import_minari([], "reach/a-v0", out)
    assert not (tmp_path / "pwned").exists() and out.exists() == spaces


def test_a_minari_data_set_that_refers_to_another_file_is_refused(tmp_path, monkeypatch):
    observed = {"position": np.zeros((4, 2), "f4"), "goal": np.zeros((4, 1), "f4")}
    minari_set(monkeypatch, tmp_path / "minari", observed, np.zeros((3, 1), "f4"))
    (file,) = (tmp_path / "minari").rglob("main_data.hdf5")
    with h5py.File(file, "r+") as opened:
        del opened["episode_0/observations/goal"]
        opened["episode_0/observations/goal"] = h5py.ExternalLink(tmp_path / "victim", "/x")
    with pytest.raises(DataError, match="episode_0/observations/goal refers to another place"):
        import_minari([], "reach/a-v0", tmp_path / "out.hdf5")


def test_what_goes_out_to_minari_keeps_its_ends_and_rewards(tmp_path, monkeypatch):
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    arrays = {
        "observations": np.zeros((9, 60), "f4"),
        "actions": np.zeros((9, 9), "f4"),
        "rewards": np.arange(9, dtype="f4"),
        "terminals": np.arange(9) == 3,
        "timeouts": np.arange(9) == 8,
    }
    write(tmp_path / "play.hdf5", arrays)
    export_minari(tmp_path / "play.hdf5", "kitchen/out-v0", "d4rl:kitchen-mixed-v0")
    first, second = minari.load_dataset("kitchen/out-v0").iterate_episodes()
    assert first.rewards.tolist() == [0, 1, 2, 3] and second.rewards.tolist() == [4, 5, 6, 7, 8]
    assert first.terminations.tolist() == [False] * 3 + [True] and not first.truncations.any()
    assert second.truncations.tolist() == [False] * 4 + [True] and not second.terminations.any()


def test_a_minari_data_set_that_cannot_be_had_says_how_to_get_it(tmp_path, monkeypatch):
    pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match="minari download kitchen/none-v0"):
        import_minari([], "kitchen/none-v0", tmp_path / "out.hdf5")
