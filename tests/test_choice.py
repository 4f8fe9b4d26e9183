"""Laws of choosing demonstrations, and of flaws in some of them."""

import json

import pytest
import torch
from recordings import random_episodes

from fist.data.choice import PAUSE, choose_demos
from fist.data.episodes import DataError, load_episodes, save_episodes


@pytest.fixture
def demos(tmp_path):
    save_episodes(tmp_path / "demos.hdf5", random_episodes([30, 31, 32, 33, 34, 35]))
    save_episodes(tmp_path / "others.hdf5", random_episodes([40, 41], seed=1))
    return tmp_path


def chosen(folder, **how):
    choose_demos(folder / "demos.hdf5", folder / "out.hdf5", **how)
    return load_episodes(folder / "out.hdf5")


def episodes(data):
    """Return the states of each episode, as something that compares."""
    return [states.tobytes() for states in data.observations]


def test_without_a_draw_or_a_flaw_they_stay_as_they_are(demos):
    given = load_episodes(demos / "demos.hdf5")
    assert episodes(chosen(demos)) == episodes(given)


def test_a_draw_is_another_order_of_the_same_and_always_the_same_one(demos):
    given = episodes(load_episodes(demos / "demos.hdf5"))
    one, again, two = (episodes(chosen(demos, draw=draw)) for draw in (1, 1, 2))
    assert one == again != two and sorted(one) == sorted(two) == sorted(given) != one


@pytest.mark.parametrize("flaw", ["other_task", "cut", "noise", "pauses"])
def test_flaws_are_spread_over_the_first_few_and_leave_the_others_alone(demos, flaw):
    others = demos / "others.hdf5" if flaw == "other_task" else None
    given = load_episodes(demos / "demos.hdf5")
    made = chosen(demos, flaw=flaw, number=2, among=4, others=others)
    flawed = json.loads((demos / "out.json").read_text())["flawed"]
    assert flawed == [1, 3]
    for i in range(6):
        one, other = made.take([i]), given.take([i])
        same = [torch.equal(getattr(one, k), getattr(other, k)) for k in ("actions", "states")]
        assert all(same) != (i in flawed)
    first, plain = made.take([1]), given.take([1])
    match flaw:
        case "other_task":
            assert torch.equal(first.states, load_episodes(others).take([0]).states)
        case "cut":
            assert torch.equal(first.states, plain.states[:15])
        case "noise":
            assert torch.equal(first.states, plain.states) and first.actions.abs().max() <= 1
        case "pauses":
            assert len(first.states) == 31 + PAUSE
            assert not first.actions[15 : 15 + PAUSE].any()
            assert torch.equal(first.states[15 + PAUSE :], plain.states[15:])


def test_more_flaws_than_demonstrations_are_refused(demos):
    with pytest.raises(DataError, match="7 flawed ones among the first 6 of 6 demonstrations"):
        chosen(demos, flaw="cut", number=7, among=6)
