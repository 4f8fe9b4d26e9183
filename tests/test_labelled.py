"""Laws of methods that are told which task it is."""

from dataclasses import replace

import marks  # noqa: F401  registers the environments
import numpy as np
import pytest
import torch
from recordings import random_episodes

from fist.data.episodes import DataError, load_episodes, save_episodes
from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import PolicySpec, Trial, evaluate
from fist.evaluation.export import evaluate_exported, export_policy
from fist.evaluation.rollout import RolloutSettings
from fist.methods.base import Material
from fist.methods.cloning import BC
from fist.methods.labelled import (
    TaskBC,
    TaskBCModel,
    TaskBCSettings,
    TaskSkillSettings,
    TaskSPiRL,
)
from fist.training.checkpoint import save_model
from fist.training.settings import TrainSettings
from fist.training.stages import Inputs, Job, finetune_model, train_model

S, A, N = 2, 2, 3
SKILLS = {"hidden": 16, "z_dim": 2, "horizon": 3, "encoder": "mlp", "normalise": True}
BC_ = {"hidden": 16, "blocks": 1, "horizon": 3, "normalise": True}
WAYS = {
    "skills": (TaskSPiRL, TaskSkillSettings(**SKILLS, tasks=N)),
    "cloning": (TaskBC, TaskBCSettings(**BC_, tasks=N)),
}
way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Play of both tasks, and demonstrations of each: the same states, opposite actions."""
    folder = tmp_path_factory.mktemp("tasks")
    for seed, names in enumerate((("play",), ("one", "two"))):
        episodes = random_episodes([30] * 8, S, A, seed)
        episodes.states[:, 0] = 0
        there = torch.full((240, A), 0.5)
        there[: 120 if seed == 0 else 240] *= -1
        for sign, name in zip((1, -1), names, strict=False):
            save_episodes(folder / f"{name}.hdf5", replace(episodes, actions=sign * there))
    return folder


def learnt(folder, method, settings):
    """Train a method's model on play, and one model of it on the demonstrations of both tasks."""
    train = TrainSettings(steps=200, batch_size=64, optimizer="adam", validation=0)
    first, then = (folder / f"{method.__name__}{stage}.pt" for stage in ("", "_tuned"))
    train_model(method.Model, Inputs(folder / "play.hdf5"), settings, train, Job(first))
    demos = (folder / "one.hdf5", folder / "two.hdf5")
    finetune_model(method.Model, Inputs(demos=demos, init=first), 8, "all", train, Job(then))
    return then


def drawn(model, material):
    """The states of a batch."""
    return model.sampler(material, 64, "cpu")(torch.Generator().manual_seed(0))[0]


@way
def test_asked_for_a_task_it_does_what_the_demonstrations_of_that_task_do(files, way):
    method, settings = WAYS[way]
    seen = load_episodes(files / "one.hdf5").states[::30].numpy()
    file = learnt(files, method, settings)
    for task, expected in ((0, -0.5), (1, 0.5)):
        spec = PolicySpec(method, method.Settings(skill="mean"), file, "none", task=task)
        policy = spec.policy(0)
        policy.reset(range(8))
        assert np.allclose(policy.act(seen, range(8)), expected, atol=0.25)


@way
def test_a_demonstration_has_the_label_of_its_file_and_play_has_none(way):
    method, settings = WAYS[way]
    model = method.Model(settings, S, A)
    demos = random_episodes([10, 12, 9, 14], S, A)
    tasks = (0, 0, 1, 2)
    s = drawn(model, Material(demos=demos, tasks=tasks))
    labels = s[..., S:]
    rows = torch.tensor(tasks).repeat_interleave(demos.lengths)[s[:, 0, 0].long()]
    assert torch.equal(labels, torch.eye(N)[rows][:, None].expand(labels.shape))
    assert not drawn(model, Material(play=demos))[..., S:].any()


@way
def test_the_scale_of_a_label_does_not_depend_on_the_data(way):
    method, settings = WAYS[way]
    demos = random_episodes([10, 12], S, A)
    for material in (Material(play=demos), Material(demos=demos, tasks=(0, 1))):
        model = method.Model(settings, S, A)
        model.prepare(material)
        assert torch.equal(model.normaliser(torch.ones(S + N))[S:], torch.ones(N))
        assert not hasattr(model, "slope") or not model.slope[:, S:].any()


def test_skills_are_the_same_in_every_task_and_only_their_prior_is_told():
    method, settings = WAYS["skills"]
    torch.manual_seed(0)
    model = method.Model(settings, S, A).eval()
    s, a = torch.randn(5, 3, S), torch.rand(5, 3, A)
    z, step = torch.randn(5, 2), torch.zeros(5, dtype=torch.long)
    one, two = (model.label(s, task) for task in (0, 2))
    assert torch.equal(model.encode(one, a).mean, model.encode(two, a).mean)
    assert torch.equal(model.decode(one[:, 0], z, step), model.decode(two[:, 0], z, step))
    assert not torch.equal(model.prior_state(one[:, 0]).mean, model.prior_state(two[:, 0]).mean)


def test_held_out_demonstrations_keep_their_tasks():
    demos, tasks = random_episodes([10] * 4, S, A), (0, 0, 1, 1)
    kept, held_out = Material(demos=demos, tasks=tasks).hold_out(0.3)
    assert (kept.tasks, held_out.tasks) == ((0, 0, 1), (1,))


@way
def test_more_tasks_than_the_label_has_entries_are_refused_with_the_setting_to_change(way):
    method, settings = WAYS[way]
    model = method.Model(settings, S, A)
    demos = random_episodes([10] * 4, S, A)
    where = rf"label has 3 entries \(config: models.{model.name}.model.tasks\)"
    with pytest.raises(DataError, match=f"tasks 0 to 3 are .*{where}"):
        drawn(model, Material(demos=demos, tasks=(0, 1, 2, 3)))
    policy = method(model, None, method.Settings())
    policy.task = 3
    policy.reset([0])
    with pytest.raises(ValueError, match=where):
        policy.act(np.zeros((1, S)), [0])


def test_a_method_that_is_not_told_its_task_takes_none():
    with pytest.raises(ValueError, match="BC is not told its task, task is 1"):
        PolicySpec(BC, model="bc.pt", lookup="none", task=1)


def test_the_folder_of_a_cell_says_which_task_it_is(tmp_path):
    torch.manual_seed(0)
    save_model(tmp_path / "a.pt", TaskBCModel(WAYS["cloning"][1], S, A), {})
    labels, tests = Labels("marks", "left", "x", 0, "generated"), RolloutSettings(2, max_steps=5)
    rows = []
    for task in (0, 1, None):
        spec = PolicySpec(TaskBC, None, tmp_path / "a.pt", "none", task=task)
        trial = Trial(labels, "marks:Marks-v0", {}, spec, tests)
        export_policy(tmp_path / "cell", trial)
        evaluate(tmp_path / "a.csv", trial)
        evaluate_exported(tmp_path / "cell", tmp_path / "b.csv", trusted=["marks"])
        assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
        rows.append((tmp_path / "cell/cell.json").read_bytes())
    assert len({*rows}) == 3
