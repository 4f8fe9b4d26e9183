"""Laws of D4RL's data set functions."""

import gymnasium
import h5py
import numpy as np
import pytest

import d4rl


def rows(ends: dict[int, str], count: int) -> dict[str, np.ndarray]:
    """Return a data set whose row i observes [i, i] and whose episodes end as `ends` says."""
    index = np.arange(count, dtype=np.float32)
    return {
        "observations": np.stack([index, index], axis=1),
        "actions": index[:, None] / 100,
        "rewards": 10 * index,
        "terminals": np.array([ends.get(i) == "terminal" for i in range(count)]),
        "timeouts": np.array([ends.get(i) == "timeout" for i in range(count)]),
    }


def write(path, arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


@pytest.fixture
def mixed():
    """Return 9 rows: an episode 0..2 that ends, 3..6 that is cut off, and an unfinished one."""
    return rows({2: "terminal", 6: "timeout"}, 9)


def first_entries(dataset) -> list[int]:
    return dataset["observations"][:, 0].astype(int).tolist()


def test_a_data_set_is_read_as_it_was_written(tmp_path, mixed):
    path = write(tmp_path / "a.hdf5", {**mixed, "infos/demo": np.arange(9), "metadata/seed": 7})
    dataset = d4rl.get_dataset(path)
    assert set(dataset) == {*mixed, "infos/demo", "metadata/seed"}
    for name, array in mixed.items():
        np.testing.assert_array_equal(dataset[name], array)
    assert dataset["terminals"].dtype == dataset["timeouts"].dtype == np.bool_
    assert dataset["metadata/seed"] == 7


def test_columns_become_vectors(tmp_path, mixed):
    columns = {name: array.reshape(9, -1) for name, array in mixed.items()}
    columns["terminals"] = columns["terminals"].astype(np.float32)
    dataset = d4rl.get_dataset(write(tmp_path / "a.hdf5", columns))
    for name in ("rewards", "terminals", "timeouts"):
        np.testing.assert_array_equal(dataset[name], mixed[name])
    assert dataset["actions"].shape == (9, 1)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no data set at .*nothing\.hdf5"):
        d4rl.get_dataset(tmp_path / "nothing.hdf5")


def test_a_file_that_is_no_hdf5_or_cut_short_is_refused(tmp_path, mixed):
    path = tmp_path / "page.hdf5"
    path.write_text("<html>too many users have downloaded this file</html>")
    with pytest.raises(ValueError, match=r"page\.hdf5: not an HDF5 file"):
        d4rl.get_dataset(path)
    whole = write(tmp_path / "whole.hdf5", mixed).read_bytes()
    short = tmp_path / "short.hdf5"
    short.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"short\.hdf5: not an HDF5 file, or a damaged"):
        d4rl.get_dataset(short)


def test_a_missing_array_is_named(tmp_path, mixed):
    del mixed["rewards"], mixed["terminals"]
    with pytest.raises(ValueError, match="missing rewards, terminals; found actions, obs"):
        d4rl.get_dataset(write(tmp_path / "a.hdf5", mixed))


def test_arrays_of_different_lengths_are_refused(tmp_path, mixed):
    mixed["actions"] = mixed["actions"][:-1]
    with pytest.raises(ValueError, match="differ in length: .*actions 8"):
        d4rl.get_dataset(write(tmp_path / "a.hdf5", mixed))


def test_sequences_end_at_terminals_and_timeouts_and_leave_unfinished_rows_out(mixed):
    episodes = list(d4rl.sequence_dataset(dataset=mixed))
    assert [first_entries(episode) for episode in episodes] == [[0, 1, 2], [3, 4, 5, 6]]
    assert all(set(episode) == set(mixed) for episode in episodes)


def test_sequences_carry_the_arrays_that_have_a_row_per_step(tmp_path, mixed):
    path = write(tmp_path / "a.hdf5", {**mixed, "infos/demo": np.arange(9), "metadata/seed": 7})
    first, second = d4rl.sequence_dataset(h5path=path)
    assert first["infos/demo"].tolist() == [0, 1, 2]
    assert second["infos/demo"].tolist() == [3, 4, 5, 6]
    assert "metadata/seed" not in first


def test_without_timeouts_the_step_limit_ends_an_episode():
    limit = 280
    dataset = rows({99: "terminal"}, 100 + 2 * limit + 5)
    del dataset["timeouts"]
    env = gymnasium.make("kitchen-mixed-v0")
    lengths = [len(episode["rewards"]) for episode in d4rl.sequence_dataset(env, dataset)]
    assert lengths == [100, limit, limit]
    transitions = d4rl.qlearning_dataset(env, dataset)
    cut = {100 + limit - 1, 100 + 2 * limit - 1}
    expected = [i for i in range(len(dataset["rewards"]) - 1) if i not in cut]
    assert first_entries(transitions) == expected


def test_without_timeouts_and_step_limit_nobody_can_tell_where_an_episode_ends(mixed):
    del mixed["timeouts"]
    with pytest.raises(ValueError, match="no timeouts, so an env made with a step limit is needed"):
        list(d4rl.sequence_dataset(dataset=mixed))


def test_a_transition_joins_neighbouring_rows_of_one_episode(mixed):
    transitions = d4rl.qlearning_dataset(dataset=mixed)
    assert first_entries(transitions) == [0, 1, 2, 3, 4, 5, 7]  # 6 was cut off, 8 has no next row
    assert transitions["terminals"].tolist() == [False, False, True, False, False, False, False]
    going_on = ~transitions["terminals"]
    np.testing.assert_array_equal(
        transitions["next_observations"][going_on], transitions["observations"][going_on] + 1
    )
    np.testing.assert_array_equal(transitions["rewards"], 10 * transitions["observations"][:, 0])
    assert {array.dtype.name for array in transitions.values()} == {"float32", "bool"}


def test_terminate_on_end_keeps_the_cut_off_transition_and_marks_it_terminal(mixed):
    transitions = d4rl.qlearning_dataset(dataset=mixed, terminate_on_end=True)
    assert first_entries(transitions) == list(range(8))
    assert np.flatnonzero(transitions["terminals"]).tolist() == [2, 6]


def test_transitions_can_be_read_from_a_file(tmp_path, mixed):
    path = write(tmp_path / "a.hdf5", mixed)
    from_file = d4rl.qlearning_dataset(h5path=path)
    for name, array in d4rl.qlearning_dataset(dataset=mixed).items():
        np.testing.assert_array_equal(from_file[name], array)


def test_with_next_observations_nothing_has_to_tell_where_an_episode_times_out(tmp_path, mixed):
    del mixed["timeouts"]
    following = 100 + mixed["observations"]
    path = write(tmp_path / "a.hdf5", {**mixed, "next_observations": following})
    transitions = d4rl.qlearning_dataset(h5path=path)
    np.testing.assert_array_equal(transitions["next_observations"], following)
    assert np.flatnonzero(transitions["terminals"]).tolist() == [2]
    with pytest.raises(ValueError, match="no timeouts, so an env made with a step limit is needed"):
        d4rl.qlearning_dataset(h5path=path, terminate_on_end=True)


@pytest.mark.parametrize("end", [False, True])
def test_next_observations_of_the_file_are_used_and_the_last_row_is_kept(tmp_path, mixed, end):
    following = 100 + mixed["observations"]
    path = write(tmp_path / "a.hdf5", {**mixed, "next_observations": following})
    transitions = d4rl.qlearning_dataset(h5path=path, terminate_on_end=end)
    assert first_entries(transitions) == list(range(9))
    np.testing.assert_array_equal(transitions["next_observations"], following)
    assert np.flatnonzero(transitions["terminals"]).tolist() == [2, 6][: 1 + end]


def test_texts_are_left_out(tmp_path, mixed):
    path = write(tmp_path / "a.hdf5", {**mixed, "metadata/algorithm": "SAC"})
    assert set(d4rl.get_dataset(path)) == set(mixed)


def test_a_data_set_or_a_path_must_be_given():
    with pytest.raises(ValueError, match=r"h5path=\.\.\. to read one from; nothing is downloaded"):
        d4rl.qlearning_dataset()


@pytest.mark.parametrize(
    "env_id", ["kitchen-complete-v0", "kitchen-mixed-v0", "d4rl:kitchen-mixed-v0"]
)
def test_four_subtasks_are_a_normalised_score_of_one(env_id):
    assert d4rl.get_normalized_score(env_id, 4.0) == 1.0
    np.testing.assert_allclose(d4rl.get_normalized_score(env_id, np.array([0.0, 3.0])), [0.0, 0.75])


def test_an_environment_without_reference_scores_is_named():
    with pytest.raises(ValueError, match="no reference scores for 'hopper'; known are kitchen-"):
        d4rl.get_normalized_score("hopper", 1.0)
