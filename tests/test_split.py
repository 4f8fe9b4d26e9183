"""Laws of splits: what may and may not be in a pretraining set."""

import json

import gymnasium
import numpy as np
import pytest
import torch
from recordings import random_episodes

from fist.data.episodes import DataError, Episodes, concatenate, load_episodes, save_episodes
from fist.data.split import completes_in_order, first_completions, make_demos, make_split


class Shelf(gymnasium.Env):
    """Two objects: `cup` is state 1, `bowl` is state 2; complete above 1, moved beyond 0.1."""

    observation_space = gymnasium.spaces.Box(-9, 9, (4,))
    action_space = gymnasium.spaces.Box(-1, 1, (2,))
    elements = ("cup", "bowl")

    @staticmethod
    def element_complete(observations):
        return observations[:, 1:3] > 1

    @staticmethod
    def element_moved(observations):
        return (np.abs(observations[:, 1:3] - observations[0, 1:3]) > 0.1).any(0)


def episode(cup=(), bowl=(), length=20, seed=0) -> Episodes:
    """Return one episode in which the named objects take the given values at the given rows."""
    made = random_episodes([length], seed=seed)
    made.states[:, 1:3] = 0
    for column, values in ((1, cup), (2, bowl)):
        for row, value in values:
            made.states[row, column] = value
    return made


@pytest.fixture
def play(tmp_path):
    """Five episodes: nothing, cup done, cup nudged, bowl done, cup then bowl done."""
    path = tmp_path / "play.hdf5"
    parts = [
        episode(seed=1),
        episode(cup=[(5, 2.0)], seed=2),
        episode(cup=[(5, 0.5)], seed=3),
        episode(bowl=[(5, 2.0)], seed=4),
        episode(cup=[(5, 2.0)], bowl=[(9, 2.0)], seed=5),
    ]
    save_episodes(path, concatenate(parts))
    return path


class Plain(gymnasium.Env):
    """Tells nothing about objects."""

    observation_space = Shelf.observation_space
    action_space = Shelf.action_space


def test_where_the_environment_tells_of_no_objects_every_episode_is_a_demonstration(play, tmp_path):
    report = make_demos([play], Plain(), ["reach"], tmp_path / "demos.hdf5")
    assert report["episodes"] == 5 and report["order"] == ["reach"]
    with pytest.raises(DataError, match="no element called cup; this environment knows none"):
        make_split([play], Plain(), ["cup"], tmp_path / "split.hdf5")


def test_no_kept_episode_completes_or_moves_a_held_out_object(play, tmp_path):
    report = make_split([play], Shelf(), ["cup"], tmp_path / "split.hdf5")
    kept = load_episodes(tmp_path / "split.hdf5")
    assert [float(kept.observations[i][5, 2]) for i in range(len(kept))] == [0.0, 2.0]
    assert report["excluded"]["cup"] == {"completed": 2, "moved": 1}
    assert report["episodes_completing"] == {"cup": 0, "bowl": 1}


@pytest.mark.parametrize("env", [Shelf, Plain])
def test_holding_nothing_out_keeps_everything(play, tmp_path, env):
    assert make_split([play], env(), [], tmp_path / "split.hdf5")["episodes"] == 5


def test_a_demonstration_never_enters_the_pretraining_set_even_with_new_noise(play, tmp_path):
    demo = load_episodes(play).take([3])
    demo.states[:, 1:] += 0.001 * torch.randn(demo.states[:, 1:].shape)
    demo.states[:, 0] = load_episodes(play).take([3]).states[:, 0]
    save_episodes(tmp_path / "demo.hdf5", demo)
    report = make_split(
        [play], Shelf(), [], tmp_path / "split.hdf5", demos=[tmp_path / "demo.hdf5"]
    )
    assert report["excluded"]["is_a_demonstration"] == 1
    assert report["episodes_completing"] == {"cup": 2, "bowl": 1}


def test_demonstrations_complete_the_task_in_its_order(play, tmp_path):
    report = make_demos([play], Shelf(), ["cup", "bowl"], tmp_path / "demos.hdf5")
    assert report["episodes"] == 1
    with pytest.raises(DataError, match="none of 5 episodes .* completes bowl -> cup"):
        make_demos([play], Shelf(), ["bowl", "cup"], tmp_path / "demos.hdf5")


def test_the_json_beside_a_split_tells_what_went_in_and_what_was_left_out(play, tmp_path):
    report = make_split([play], Shelf(), ["bowl"], tmp_path / "split.hdf5")
    assert json.loads((tmp_path / "split.json").read_text()) == report
    assert report["episodes"] == 3
    assert report["rows"] == 60
    assert report["sources"][0]["path"] == str(play)


def test_an_unknown_object_is_refused_by_name(play, tmp_path):
    with pytest.raises(
        DataError, match="no element called spoon; this environment knows cup, bowl"
    ):
        make_split([play], Shelf(), ["spoon"], tmp_path / "split.hdf5")


def test_a_split_that_keeps_nothing_is_refused(tmp_path):
    save_episodes(tmp_path / "play.hdf5", episode(cup=[(5, 2.0)]))
    with pytest.raises(DataError, match="nothing is left of 1 episodes without cup"):
        make_split([tmp_path / "play.hdf5"], Shelf(), ["cup"], tmp_path / "split.hdf5")
    assert not (tmp_path / "split.hdf5").exists()


def test_an_object_done_early_counts_once_its_turn_comes_if_it_still_holds():
    early_and_kept = np.array([[0, 1], [1, 1]], bool)
    early_and_undone = np.array([[0, 1], [1, 0]], bool)
    assert completes_in_order(early_and_kept)
    assert not completes_in_order(early_and_undone)


def test_released_demonstrations_complete_the_sequences_in_their_names(real_demos):
    import d4rl  # noqa: F401  (registers the environment)

    env = gymnasium.make("kitchen-mixed-v0")
    expected = {
        "kettle_bottomknob_switch_hinge": [
            "kettle",
            "bottom_burner",
            "light_switch",
            "hinge_cabinet",
        ],
        "microwave_kettle_topknob_switch": ["microwave", "kettle", "top_burner", "light_switch"],
    }
    for name, order in expected.items():
        demos = load_episodes(real_demos / f"kitchen-demo-{name}.hdf5")
        for i in range(len(demos)):
            found = first_completions(env, demos.observations[i])
            assert sorted(found, key=found.get) == order


def test_a_share_of_play_is_part_of_a_larger_one_and_at_least_one_episode(tmp_path):
    made = [episode(seed=seed, length=20 + seed) for seed in range(40)]
    save_episodes(tmp_path / "play.hdf5", concatenate(made))
    kept = {}
    for percent in (100, 50, 10, 1):
        out = tmp_path / f"{percent}.hdf5"
        report = make_split([tmp_path / "play.hdf5"], Shelf(), [], out, percent=percent)
        kept[percent] = {*load_episodes(out).lengths.tolist()}
        assert report["percent"] == percent and report["episodes"] == len(kept[percent])
    assert [len(kept[percent]) for percent in kept] == [40, 20, 4, 1]
    assert kept[1] < kept[10] < kept[50] < kept[100]
    assert max(kept[10]) - min(kept[10]) > 4  # not just the first ones
