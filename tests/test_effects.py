"""Laws of what demonstrations change for good, and of doing it again."""

import numpy as np
import pytest
import torch

from fist.data.episodes import Episodes, concatenate
from fist.methods.effects import DoneSoFar, as_at, effects, part
from fist.methods.follow import Follow
from fist.methods.retrieval import DemoIndex, raw_states
from fist.methods.skills import SkillSettings, SkillVAE

H, NOISE = 4, 0.003
X, LAMP, LAMP_TOO, DOOR = range(4)


def demo(lamp=20, door=50, steps=60, seed=0):
    """A way along x; a lamp of two entries lights on it, then a door opens."""
    generator = torch.Generator().manual_seed(seed)
    states = NOISE * torch.randn(steps, 4, generator=generator)
    states[:, X] += torch.linspace(0, 1, steps)
    states[lamp:, LAMP] += 1.0
    states[lamp + 2 :, LAMP_TOO] -= 0.5
    states[door:, DOOR] += 2.0
    return Episodes(states, torch.full((steps, 1), 20 / (steps - 1)), torch.tensor([steps]))


def test_entries_that_rest_before_and_after_a_change_are_effects_in_the_order_of_the_changes():
    """The robot's own, x, is none; entries that change within a horizon are one."""
    for shown in (demo(), concatenate([demo(seed=seed, lamp=20 + seed) for seed in range(3)])):
        lamp, door = effects(shown, H)
        assert (lamp.entries.tolist(), door.entries.tolist()) == ([LAMP, LAMP_TOO], [DOOR])
        assert lamp.steps.tolist() == [21 + n for n in range(len(shown))]
        torch.testing.assert_close(lamp.after, torch.tensor([1.0, -0.5]), atol=0.01, rtol=0)
        expected = (shown.steps >= 50).float()
        torch.testing.assert_close(door.done(shown.states), expected, atol=0.02, rtol=0)


def test_demonstrations_share_no_effects_where_they_differ_in_what_they_do_or_when():
    other = demo(seed=1)
    other.states[:, DOOR] *= -1  # it is closed there
    assert [effect.entries.tolist() for effect in effects(concatenate([demo(), other]), H)] == [
        [LAMP, LAMP_TOO]
    ]
    assert effects(concatenate([demo(), demo(lamp=50, door=20)]), H) == []


def test_a_walk_that_changes_nothing_for_good_has_no_effects():
    steps = torch.linspace(0, 6, 80)
    states = torch.stack((steps, steps.sin(), torch.zeros(80), 1e-3 * torch.randn(80)), 1)
    assert effects(Episodes(states, torch.zeros(80, 1), torch.tensor([80])), H) == []


def test_the_part_for_an_effect_shows_the_others_as_they_are_then():
    shown = concatenate([demo(), demo(seed=1, lamp=22)])
    found = effects(shown, H)
    for_lamp, for_door = (part(shown, found, n, H) for n in (0, 1))
    assert for_lamp.lengths.tolist() == [21 + 2 * H, 23 + 2 * H]
    assert for_door.lengths.tolist() == [50 - 21 + 2 * H, 50 - 23 + 2 * H]
    assert torch.equal(for_door.actions, torch.full_like(for_door.actions, 20 / 59))
    s = torch.tensor([[0.3, 0.0, 0.0, 2.0]])  # the door is open and the lamp is not lit
    torch.testing.assert_close(
        as_at(found, 0, s), torch.zeros(1, 4) + s * (s == 0.3), atol=0.01, rtol=0
    )
    expected = torch.tensor([[0.3, 1.0, -0.5, 2.0]])
    torch.testing.assert_close(as_at(found, 1, s), expected, atol=0.01, rtol=0)


def test_undone_is_what_was_done_before_in_the_same_lane_and_stays_away_for_some_steps():
    progress = DoneSoFar(effects(demo(), H), H, 2)
    off, on = torch.zeros(1, 4), torch.tensor([[0.0, 1.0, -0.5, 0.0]])
    told = [
        progress.see(s, [1])[0].item() for s in (off, off, off, off, on, off, off, off, off, on)
    ]
    assert told == [-1] * 7 + [0, 0, -1]
    assert [progress.see(off, [0])[0].item() for _ in range(9)] == [-1] * 9


def test_missed_is_what_the_place_in_the_demonstrations_is_half_a_horizon_past_of():
    shown = demo()
    lamp, door = effects(shown, H)
    after = int(lamp.steps[0]) + H // 2
    for step, expected in ((after, -1), (after + 1, 0)):
        so_far, now = DoneSoFar([lamp, door], H, 2), shown.states[[0, 30]]
        for _ in range(5):  # in the second lane the lamp is on
            which, _ = so_far.see(now, [0, 1])
            so_far.passes(torch.tensor([0, 0]), torch.tensor([step, step]), [0, 1])
        assert which.tolist() == [expected, -1]


def test_what_has_been_done_for_a_horizon_is_seen_as_it_is_shown():
    lamp, _ = found = effects(demo(), H)
    progress = DoneSoFar(found, H, 1)
    bright = torch.tensor([[0.3, 1.2, -0.6, 0.1]])
    seen = [progress.see(bright, [0])[1] for _ in range(H + 1)]
    assert all(torch.equal(s, bright) for s in seen[:-1])
    assert torch.equal(seen[-1][0, lamp.entries], lamp.after)
    assert torch.equal(seen[-1][0, [X, DOOR]], bright[0, [X, DOOR]])


class Room:
    """A robot on a line that moves by a twentieth of its action, a lamp at 0.35, a door at 0.85."""

    def __init__(self):
        self.s = np.zeros(4, np.float32)

    def step(self, action):
        before = self.s[X]
        self.s[X] += action / 20
        if before < 0.35 <= self.s[X]:
            self.s[[LAMP, LAMP_TOO]] = 1.0, -0.5
        if before < 0.85 <= self.s[X]:
            self.s[DOOR] = 2.0


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("when", [30, 56])
def test_what_is_undone_is_done_again_from_where_the_demonstration_begins(known, when):
    """The lamp is put out, once before and once after the door has been opened; then the rest."""
    torch.manual_seed(0)
    model = SkillVAE(SkillSettings(hidden=16, horizon=H, encoder="mlp"), 4, 1).eval()
    model.slope.copy_(torch.tensor([[-10.0, 0, 0, 0]]))
    index = DemoIndex(demo(), raw_states, H)
    policy = Follow(model, index, Follow.Settings(skill="mean", effects=known))
    policy.reset([0])
    room, since = Room(), []
    for step in range(150):
        if step == when:
            assert room.s[LAMP] == 1.0
            room.s[[LAMP, LAMP_TOO]] = 0.0
        noise = NOISE * np.random.default_rng(step).normal(size=(1, 4)).astype(np.float32)
        room.step(policy.act(room.s[None] + noise, [0])[0, 0])
        since += [room.s[X]] * (step > when)
    assert (min(since) < 0.1) == (known and when == 30)  # from the door, 2 H steps are too few
    assert (room.s[LAMP] == 1.0) == known
    assert (room.s[DOOR] == 2.0) or not known
