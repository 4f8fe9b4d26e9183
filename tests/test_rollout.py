"""Laws of the rollout and of the episodes' rows."""

import csv
import math
import re
from dataclasses import asdict, fields, replace

import gymnasium
import imageio.v3 as imageio
import imageio_ffmpeg
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from marks import MARKS, MarksEnv, MarksVectorEnv
from untrained import spec, untrained

from fist.evaluation.episode_results import (
    EpisodeRow,
    Labels,
    ResultsError,
    read_episodes,
    write_episodes_csv,
)
from fist.evaluation.evaluate import Trial, evaluate
from fist.evaluation.over_training import score_over_training
from fist.evaluation.rollout import RolloutSettings, rollout
from fist.evaluation.trace import trace
from fist.evaluation.video import film, record_video
from fist.methods.chunk import Chunk, GoalChunk
from fist.methods.cloning import BC, GoalBC
from fist.methods.in_context import InContext
from fist.methods.labelled import TaskBC
from fist.methods.nearest import Neighbours, Replay
from fist.methods.skills import SkillSettings, SkillVAE, SPiRL
from fist.training.checkpoint import load_model, save_model

LABELS = Labels(env="marks", task="all", method="fist", seed=3, data_source="generated")
SEEDS = range(100_000, 100_012)


def read_back(path):
    """Read the rows of one evaluation, those of `LABELS`."""
    table = read_episodes([path])
    assert (table[list(asdict(LABELS))] == list(asdict(LABELS).values())).all(axis=None)
    table = table.fillna({"failure": ""}).astype(object)
    table = table.where(table.notna(), None)
    return [
        EpisodeRow(
            **{field.name: row[field.name] for field in fields(EpisodeRow) if field.name in row},
            steps={name: row[f"step_{name}"] for name in filter(None, row["subtasks"].split(","))},
        )
        for row in table.to_dict("records")
    ]


class Walker:
    """Walks to some marks, one after another, with noise of its own; no learning."""

    def __init__(self, noise: float = 0.5, steps_per_mark: int = 15, marks=tuple(MARKS)):
        self.noise, self.steps_per_mark = noise, steps_per_mark
        self.marks = np.array([MARKS[mark] for mark in marks])

    def reset(self, seeds):
        self.rngs = [np.random.default_rng(seed) for seed in seeds]
        self.steps = np.zeros(len(seeds), int)

    def act(self, states, lanes):
        actions = []
        for state, lane in zip(states, lanes, strict=True):
            leg = self.steps[lane] // self.steps_per_mark
            mark = self.marks[min(leg, len(self.marks) - 1)]
            noise = self.noise * self.rngs[lane].normal(size=2)
            actions.append(np.clip(5 * (mark - state) + noise, -1, 1))
            self.steps[lane] += 1
        return np.array(actions, dtype=np.float32)


def walk(policy=None, seeds=SEEDS, env_id="marks:Marks-v0", **arguments):
    kwargs = arguments.pop("env_kwargs", {})
    return rollout(env_id, kwargs, policy or Walker(), seeds, **arguments)


def test_the_same_test_seeds_give_the_same_rows():
    assert walk() == walk()
    assert walk() != walk(seeds=range(5, 17))


@pytest.mark.parametrize("batch", [1, 5, 100])
def test_rows_do_not_depend_on_the_batch(batch):
    assert walk(batch=batch) == walk(batch=7)


def test_a_row_does_not_depend_on_the_other_episodes():
    [alone] = walk(seeds=SEEDS[4:5])
    together = walk()[4]
    assert (alone.test_seed, alone.length, alone.steps) == (
        together.test_seed,
        together.length,
        together.steps,
    )


def test_rows_come_in_the_order_of_the_seeds_though_episodes_end_at_any_time():
    rows = walk(batch=3)
    assert [row.episode for row in rows] == list(range(len(SEEDS)))
    assert [row.test_seed for row in rows] == list(SEEDS)
    assert len({row.length for row in rows}) > 3


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_ordered_never_exceeds_any_order(noise):
    rows = walk(Walker(noise), seeds=range(40))
    assert all(row.subtasks_ordered <= row.subtasks_any_order <= len(MARKS) for row in rows)
    assert any(row.subtasks_any_order > 0 for row in rows)


def test_a_subtask_done_out_of_order_counts_in_any_order_only():
    rows = walk(Walker(marks=("right",), noise=0.0), seeds=range(40))
    unlucky = [row for row in rows if row.steps["left"] is None]
    assert len(unlucky) > 20
    assert {(row.subtasks_ordered, row.subtasks_any_order > 0) for row in unlucky} == {(0, True)}


def test_the_environment_is_reset_with_the_test_seed():
    seeds = {}
    walk(observer=lambda episode, env, _: seeds.setdefault(episode, env.unwrapped.np_random_seed))
    assert seeds == dict(enumerate(SEEDS))


def test_the_return_the_ordered_score_and_the_steps_tell_the_same_story():
    for row in walk(Walker(noise=1.0)):
        counted = [step for step in row.steps.values() if step is not None]
        assert row.episode_return == row.subtasks_ordered == len(counted)
        assert counted == sorted(counted)
        assert all(1 <= step <= row.length for step in counted)
        assert row.success == (row.subtasks_ordered == len(MARKS))
        assert not row.success or row.length == counted[-1]


def test_the_recorded_step_is_the_one_at_which_the_subtask_was_first_counted():
    seen = {}

    def watch(episode, env, info):
        for mark, counted in zip(MARKS, info["completed_ordered"], strict=True):
            if counted:
                seen.setdefault((episode, mark), env.unwrapped.steps)

    rows = walk(observer=watch)
    steps = {
        (row.episode, mark): step
        for row in rows
        for mark, step in row.steps.items()
        if step is not None
    }
    assert steps == seen


def test_the_observer_sees_the_reset_and_every_step():
    seen = []
    rows = walk(observer=lambda episode, env, info: seen.append(episode))
    assert [seen.count(row.episode) for row in rows] == [row.length + 1 for row in rows]


def test_max_steps_ends_an_episode_and_zero_leaves_it_to_the_environment():
    idle = Walker(noise=0.0, steps_per_mark=1000)
    assert {row.length for row in walk(idle)} == {60}
    assert {row.length for row in walk(idle, max_steps=7)} == {7}
    assert {row.length for row in walk(idle, max_steps=80)} == {80}


def test_an_episode_that_nothing_ends_is_refused():
    with pytest.raises(ValueError, match="MarksWithoutLimit-v0 has no limit.*max_steps"):
        walk(env_id="marks:MarksWithoutLimit-v0")
    assert walk(env_id="marks:MarksWithoutLimit-v0", max_steps=60) == walk()


def test_an_environment_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="no environment 'marks:Marx-v0'.*Marx"):
        walk(env_id="marks:Marx-v0")


def test_at_most_batch_environments_live_at_once_and_none_stays():
    MarksEnv.alive = MarksEnv.most_alive = 0
    walk(batch=4)
    assert MarksEnv.most_alive == 4
    assert MarksEnv.alive == 0


def test_an_observation_that_is_not_finite_stops_the_rollout_by_name_and_frees_the_rest():
    MarksEnv.alive = 0
    with pytest.raises(FloatingPointError, match="Marks-v0, test seed 100000, step 3.*not finite"):
        walk(env_kwargs={"nan_at": 3})
    assert MarksEnv.alive == 0


def test_without_subtasks_success_is_termination_and_their_columns_stay_empty(tmp_path):
    rows = walk(Walker(noise=2.0), env_kwargs={"named": False})
    assert [row.success for row in rows] == [row.success for row in walk(Walker(noise=2.0))]
    assert {row.success for row in rows} == {True, False}
    assert {(row.subtasks_ordered, row.subtasks_any_order) for row in rows} == {(None, None)}
    write_episodes_csv(tmp_path / "episodes.csv", LABELS, rows)
    assert "step_" not in (tmp_path / "episodes.csv").read_text()
    assert read_back(tmp_path / "episodes.csv") == rows


def test_who_fails_has_failed_somehow_and_who_does_not_has_not():
    rows = [*walk(Walker(noise=2.0)), *walk()]
    assert {row.success for row in rows} == {True, False}
    assert all(bool(row.failure) != row.success for row in rows)


def test_what_is_written_is_what_is_read(tmp_path):
    rows = walk()
    write_episodes_csv(tmp_path / "a" / "episodes.csv", LABELS, rows)
    assert read_back(tmp_path / "a" / "episodes.csv") == rows


def test_the_columns_are_those_of_the_schema(tmp_path):
    write_episodes_csv(tmp_path / "episodes.csv", LABELS, walk())
    assert (tmp_path / "episodes.csv").read_text().splitlines()[0] == (
        "env,task,method,seed,episode,test_seed,length,episode_return,subtasks_ordered,"
        "subtasks_any_order,success,action_change,failure,step_left,step_right,step_top,data_source"
    )


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_episodes_csv(tmp_path / name, LABELS, walk())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "episodes.csv"
    path.write_text("old")

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_episodes_csv(path, LABELS, walk())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unreadable_value_is_named_with_its_line(tmp_path):
    path = tmp_path / "episodes.csv"
    write_episodes_csv(path, LABELS, walk())
    path.write_text(path.read_text().replace("100001", "soon"))
    with pytest.raises(ResultsError, match=r"episodes.csv, line 3: test_seed is 'soon'"):
        read_episodes([path])


@pytest.mark.parametrize(
    ("setting", "value"),
    [("episodes", 0), ("batch", 0), ("batch", 2.0), ("max_steps", -1), ("max_steps", math.nan)],
)
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=setting):
        RolloutSettings(**{setting: value})


def test_test_seeds_begin_at_100000():
    assert list(RolloutSettings(episodes=3).test_seeds) == [100_000, 100_001, 100_002]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("files"))


def trial(what, env_id="marks:Marks-v0", episodes=3, batch=20):
    settings = RolloutSettings(episodes=episodes, max_steps=20, batch=batch)
    return Trial(LABELS, env_id, {}, what, settings)


def run_it(out, what):
    return evaluate(out, trial(what))


@pytest.mark.parametrize(
    "changes",
    [
        {"lookup": "distance"},
        {"lookup": "euclidean"},
        {"lookup": "random"},
        {"method": SPiRL},
        {"method": BC},
        {"method": GoalBC},
        {"method": Chunk},
        {"method": GoalChunk},
        {"method": InContext},
        {"method": TaskBC, "task": 1},
        {"method": Replay},
        {"method": Neighbours, "lookup": "euclidean"},
    ],
)
def test_every_method_is_evaluated_from_its_files(files, tmp_path, changes):
    rows = run_it(tmp_path / "episodes.csv", spec(files, **changes))
    assert read_back(tmp_path / "episodes.csv") == rows
    assert rows == run_it(tmp_path / "again.csv", spec(files, **changes))


class Stopped(Exception):
    """Stands for a kill: nothing catches it."""


@pytest.fixture
def reset_seeds(monkeypatch):
    """The seeds with which environments are reset; `stop_at` is the one at which all ends."""
    seeds, reset = [], MarksEnv.reset

    def watched(self, *, seed=None, options=None):
        seeds.append(seed)
        if seed == watched.stop_at:
            raise Stopped
        return reset(self, seed=seed, options=options)

    watched.stop_at = None
    monkeypatch.setattr(MarksEnv, "reset", watched)
    return seeds, watched


def stop_and_go_on(files, tmp_path, reset_seeds, **changes):
    """Stop seven episodes in their second batch; return the seeds that are run after that."""
    seeds, watched = reset_seeds
    what = trial(spec(files), episodes=7, batch=3)
    then = trial(spec(files, **changes), episodes=7, batch=3)
    out, resume = tmp_path / "episodes.csv", tmp_path / "episodes.resume"
    watched.stop_at = 100_004
    with pytest.raises(Stopped):
        evaluate(out, what, resume)
    assert not out.exists()
    watched.stop_at = None
    evaluate(tmp_path / "undisturbed.csv", then)
    del seeds[:]
    evaluate(out, then, resume)
    assert out.read_bytes() == (tmp_path / "undisturbed.csv").read_bytes()
    return seeds


def test_an_evaluation_that_is_stopped_goes_on_after_the_last_whole_batch(
    files, tmp_path, reset_seeds
):
    assert stop_and_go_on(files, tmp_path, reset_seeds) == list(range(100_003, 100_007))


def test_an_evaluation_of_something_else_does_not_go_on_from_the_state(
    files, tmp_path, reset_seeds, caplog
):
    seeds = stop_and_go_on(files, tmp_path, reset_seeds, lookup="euclidean")
    assert list(dict.fromkeys(seeds)) == list(range(100_000, 100_007))
    assert "other settings, data or code: starting anew" in caplog.text


def test_an_evaluation_that_has_ended_writes_its_rows_again_without_running(
    files, tmp_path, reset_seeds
):
    seeds, _ = reset_seeds
    arguments = (trial(spec(files)), tmp_path / "x.resume")
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    evaluate(first, *arguments)
    del seeds[:]
    evaluate(second, *arguments)
    assert seeds == []
    assert first.read_bytes() == second.read_bytes()


def test_the_random_encoder_depends_on_the_seed_and_is_not_the_trained_one(files):
    def features(lookup, seed=0):
        policy = spec(files, lookup=lookup).policy(seed)
        return policy.index.features(torch.ones(1, 2))

    assert torch.equal(features("random", 1), features("random", 1))
    assert not torch.equal(features("random", 1), features("random", 2))
    assert not torch.equal(features("random", 1), features("distance"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"method": SPiRL, "lookup": "distance"}, "SPiRL takes no look-up, lookup is 'distance'"),
        ({"lookup": "none"}, "FIST needs a look-up"),
        ({"method": Replay, "lookup": "none"}, "Replay needs a look-up"),
        ({"method": Replay, "model": "skills.pt"}, "Replay has no model"),
        ({"model": None}, "FIST needs a model"),
        ({"distance": None}, "needs a distance checkpoint"),
        ({"demos": None}, "needs demonstrations"),
        ({"n_demos": 3}, "holds 2 usable episodes, 3 were asked for"),
        ({"model": "distance.pt"}, "distance.pt: holds a '.*:Distance', expected .*:SkillVAE"),
        ({"model": "bc.pt"}, "bc.pt: holds a '.*:BCModel', expected .*:SkillVAE"),
        ({"method": GoalBC, "model": "bc.pt"}, "holds a '.*:BCModel', expected .*:GoalBCModel"),
        ({"demos": "demos_3d.hdf5"}, "demos_3d.hdf5 has states of 3 dim.*trained on 2"),
        ({"distance": "distance_3d.pt"}, "states of 2 dim.*distance_3d.pt was trained on 3"),
    ],
)
def test_choices_and_files_that_do_not_fit_together_are_refused(files, tmp_path, changes, error):
    with pytest.raises(ValueError, match=error):
        run_it(tmp_path / "episodes.csv", spec(files, **changes))
    assert not (tmp_path / "episodes.csv").exists()


def test_the_settings_reach_the_policy(files):
    policy = spec(files, act={"replan_every": 5, "skill": "mean"}).policy(0)
    assert (policy.settings.replan_every, policy.settings.skill) == (5, "mean")
    assert spec(files, BC, {"skill": "mean"}).policy(0).settings.skill == "mean"
    assert spec(files, Neighbours, {"neighbours": 3}).policy(0).settings.neighbours == 3


def test_demonstrations_too_short_for_a_skill_are_left_out_as_in_training(files):
    policy = spec(files).policy(0)
    assert len(policy.index) == 30 + 25


def test_a_video_shows_every_step_of_the_episode(tmp_path):
    row = film(tmp_path / "video.mp4", "marks:Marks-v0", {}, Walker(), 100_002, size=64)
    assert row.steps == walk()[2].steps
    frames = imageio.imread(tmp_path / "video.mp4")
    assert frames.shape == (row.length + 1, 64, 64, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["video.mp4", "video.png"]
    assert imageio.imread(tmp_path / "video.png").shape == (2 * 64, 4 * 64, 3)


def test_a_video_that_is_not_written_to_its_end_is_not_left(tmp_path, monkeypatch):
    (tmp_path / "video.mp4").write_bytes(b"an earlier one")
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: "false")
    with pytest.raises(OSError, match=r"could not write .*video\.mp4: ffmpeg has failed"):
        film(tmp_path / "video.mp4", "marks:Marks-v0", {}, Walker(), 100_002, size=64)
    assert (tmp_path / "video.mp4").read_bytes() == b"an earlier one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["video.mp4", "video.png"]


def test_a_video_of_several_episodes_shows_one_after_another(tmp_path):
    def frames(seed, **more):
        row = film(tmp_path / "v.mp4", "marks:Marks-v0", {}, Walker(), seed, size=64, **more)
        return row, len(imageio.imread(tmp_path / "v.mp4"))

    alone = [frames(seed) for seed in (100_002, 100_003)]
    row, together = frames(100_002, episodes=2)
    assert row == alone[0][0] and together == sum(number for _, number in alone)
    assert imageio.imread(tmp_path / "v.png").shape == (4 * 64, 4 * 64, 3)
    with pytest.raises(ValueError, match="episodes is 0, must be at least 1"):
        frames(100_002, episodes=0)


def test_the_score_over_training_is_that_of_every_kept_checkpoint(files, tmp_path):
    (tmp_path / "skills.steps").mkdir()
    for step in (10, 9):
        save_model(tmp_path / "skills.steps" / f"{step}.pt", load_model(files / "skills.pt"), {})
    what = replace(spec(files), model=tmp_path / "skills.pt")
    trial = Trial(LABELS, "marks:Marks-v0", {}, what, RolloutSettings(episodes=3, max_steps=20))
    score_over_training(tmp_path / "over_training.csv", trial)
    with open(tmp_path / "over_training.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    lengths = [row.length for row in evaluate(None, replace(trial, spec=spec(files)))]
    assert [row["step"] for row in rows] == ["9", "10"]
    for row in rows:
        assert row["n_episodes"] == "3"
        assert float(row["length"]) == pytest.approx(sum(lengths) / 3, abs=1e-3)


def test_the_checklist_changes_as_subtasks_are_done(tmp_path):
    row = film(tmp_path / "video.mp4", "marks:Marks-v0", {}, Walker(noise=0), 100_002, size=64)
    frames = imageio.imread(tmp_path / "video.mp4").astype(int)
    changes = [
        step
        for step in range(1, len(frames))
        if np.abs(frames[step] - frames[step - 1]).mean() > 0.3
    ]
    assert changes == [step for step in row.steps.values() if step is not None]


def test_a_video_that_cannot_be_rendered_says_so_and_leaves_no_file(tmp_path, monkeypatch):
    def no_context(self):
        raise RuntimeError("no OpenGL; set MUJOCO_GL")

    monkeypatch.setattr(MarksEnv, "render", no_context)
    with pytest.raises(OSError, match=r"cannot film marks:Marks-v0: no OpenGL; set MUJOCO_GL"):
        film(tmp_path / "video.mp4", "marks:Marks-v0", {}, Walker(), 100_002, size=64)
    assert list(tmp_path.iterdir()) == []


def test_a_video_of_a_method_shows_the_episode_of_the_same_row(files, tmp_path):
    rows = evaluate(tmp_path / "episodes.csv", trial(spec(files)))
    filmed = record_video(tmp_path / "video.mp4", trial(spec(files)), episode=1, size=64)
    assert (filmed.test_seed, filmed.steps) == (rows[1].test_seed, rows[1].steps)


def test_the_kitchen_gives_a_row_per_episode_whatever_the_batch():
    task = ("microwave", "kettle", "top_burner", "light_switch")
    torch.manual_seed(0)
    settings = SkillSettings(hidden=16, decoder_blocks=1, prior_blocks=1)
    policy = SPiRL(SkillVAE(settings, 60, 9), None, SPiRL.Settings())
    by_batch = [
        rollout(
            "d4rl:kitchen-mixed-v0",
            {"task_elements": task},
            policy,
            SEEDS[:3],
            max_steps=10,
            batch=batch,
        )
        for batch in (1, 3)
    ]
    assert by_batch[0] == by_batch[1]
    for row in by_batch[0]:
        assert row.length == 10 and tuple(row.steps) == task
        assert row.subtasks_ordered <= row.subtasks_any_order <= 4


@pytest.mark.parametrize(
    ("env", "mode"),
    [*(("Marks-v0", mode) for mode in AutoresetMode), ("MarksDict-v0", AutoresetMode.NEXT_STEP)],
)
def test_a_vector_environment_gives_the_rows_of_single_ones(monkeypatch, env, mode):
    """Episodes end at steps of their own; a lane that has ended has no more influence."""
    together = walk(batch=2)
    spec = gymnasium.spec(env)
    monkeypatch.setattr(spec, "vector_entry_point", MarksVectorEnv)
    kwargs = {"autoreset_mode": mode, "env": spec.entry_point}
    for batch in (2, 7):
        assert walk(env_id=f"marks:{env}", batch=batch, env_kwargs=kwargs) == together


WHIMS = {
    "the global generator": lambda env: np.random.uniform(),
    "a draw when it was made": lambda env: env.drawn,
    "how often it was reset": lambda env: env.resets / 10,
}


class WhimsicalMarksEnv(MarksEnv):
    """Begins where something else than the reset's seed says."""

    def __init__(self, whim=None, **kwargs):
        super().__init__(**kwargs)
        self.whim, self.drawn, self.resets = whim, np.random.uniform(), 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.resets += 1
        if self.whim:
            self.position[0] = WHIMS[self.whim](self)
        return self._observe(), self._info()


@pytest.mark.parametrize("vector", [False, True])
@pytest.mark.parametrize("whim", [None, *WHIMS])
def test_an_environment_that_does_not_begin_where_the_seed_says_is_told_of_once(
    monkeypatch, caplog, whim, vector
):
    told = gymnasium.spec("Marks-v0")
    monkeypatch.setattr(told, "entry_point", WhimsicalMarksEnv)
    if vector:
        monkeypatch.setattr(told, "vector_entry_point", MarksVectorEnv)
    kwargs = {"whim": whim} | ({"env": WhimsicalMarksEnv} if vector else {})
    walk(env_kwargs=kwargs, batch=5)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == (whim is not None)
    if warned:
        assert "Marks-v0 does not begin where the seed says" in warned[0]
        assert "seed 100000" in warned[0]


def test_looking_whether_the_seed_decides_leaves_every_episode_as_it_is(monkeypatch):
    """An environment that counts its resets has run all of its episodes by then."""
    monkeypatch.setattr(gymnasium.spec("Marks-v0"), "entry_point", WhimsicalMarksEnv)
    kwargs = {"whim": "how often it was reset"}
    one_by_one = [walk(seeds=[seed], env_kwargs=kwargs)[0] for seed in SEEDS]
    rows = walk(env_kwargs=kwargs)
    assert [row.length for row in rows] == [row.length for row in one_by_one]


@pytest.mark.parametrize("vector", [False, True])
def test_actions_of_another_shape_are_refused(monkeypatch, vector):
    """In a vector environment one column would be taken for all of them."""

    class Narrow(Walker):
        def act(self, states, lanes):
            return super().act(states, lanes)[:, :1]

    if vector:
        spec = gymnasium.spec("Marks-v0")
        monkeypatch.setattr(spec, "vector_entry_point", "marks:MarksVectorEnv")
    with pytest.raises(ValueError, match=r"Narrow.act returned \(\d+, 1\) actions, not \(\d+, 2\)"):
        rollout("marks:Marks-v0", {}, Narrow(), SEEDS[:2])


def test_observations_that_are_dictionaries_are_laid_flat_and_is_success_is_success():
    """Gymnasium orders a dictionary's keys, so that x comes first."""
    assert walk(env_id="marks:MarksDict-v0") == walk()


def test_the_target_that_was_looked_up_stands_beside_the_live_view(files, tmp_path):
    what = trial(spec(files, act={"replan_every": 4}), "marks:MarksShown-v0")
    record_video(tmp_path / "video.mp4", what, size=64)
    steps = trace(tmp_path / "trace.csv", what, episodes=1)
    frames = imageio.imread(tmp_path / "video.mp4").astype(float)
    assert frames.shape == (21, 64, 128, 3)
    below_the_text = frames[:20, 40:, :, 1].mean(1)  # (steps, width)
    live, target = below_the_text[:, 4:60].mean(1), below_the_text[:, 68:124].mean(1)
    assert np.allclose(live, 100 + 100 * steps.state_0, atol=6)
    assert np.allclose(target, 100 + 100 * steps.target_0, atol=6)


def test_a_film_of_an_episode_is_the_same_each_time(files, tmp_path):
    """What an environment draws at its reset is of the episode in the pictures of targets, too."""
    films = [tmp_path / "first.mp4", tmp_path / "second.mp4"]
    for film_ in films:
        record_video(film_, trial(spec(files), "marks:MarksShown-v0"), size=64)
    assert films[0].read_bytes() == films[1].read_bytes()


def test_without_a_look_up_there_is_the_live_view_alone(files, tmp_path):
    what = trial(spec(files, SPiRL), "marks:MarksShown-v0")
    record_video(tmp_path / "video.mp4", what, size=64)
    assert imageio.imread(tmp_path / "video.mp4").shape == (21, 64, 64, 3)


def test_a_log_file_gets_lines_that_say_how_far_a_rollout_is(monkeypatch, caplog):
    seconds = iter(range(0, 1000, 4))
    monkeypatch.setattr("fist.stage.progress.time.monotonic", lambda: next(seconds))
    with caplog.at_level("INFO"):
        walk()
    lines = [record.getMessage() for record in caplog.records]
    assert 3 <= len(lines) < len(SEEDS)
    assert all(
        re.match(r"episode \d+/12  [\d.]+ episodes/s  \d+ s left  success", x) for x in lines
    )
    assert lines[-1].startswith("episode 12/12")


def test_a_video_of_many_frames_a_second_leaves_some_out_but_never_the_last(tmp_path, monkeypatch):
    """At 75 frames a second every third is shown: 0, 3, ..., and the end."""
    monkeypatch.setitem(MarksEnv.metadata, "render_fps", 75)
    walker = Walker(noise=0)
    row = film(tmp_path / "video.mp4", "marks:Marks-v0", {}, walker, 100_002, 0, size=64)
    assert row.success and row.length % 3 == 1
    frames = imageio.imread(tmp_path / "video.mp4").astype(int)
    assert len(frames) == len({*range(0, row.length, 3), row.length})
    assert np.abs(frames[-1] - frames[-2]).mean() > 0.3  # the last subtask is ticked off
    assert imageio.immeta(tmp_path / "video.mp4")["fps"] == 25
