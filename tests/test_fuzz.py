"""Laws of damaged inputs: each is read, or refused in a line that names the file or the key."""

import random
from collections import Counter

import pytest

import fuzz


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_a_damaged_input_is_read_or_refused_by_name(tmp_path, kind):
    prepare, damage, read = fuzz.KINDS[kind]
    good = prepare(tmp_path)
    outcomes = Counter()
    for number in range(100):
        rng = random.Random(f"test {number}")
        outcomes[read(damage(good, rng, tmp_path / f"damaged.{kind}"))] += 1
    assert outcomes["read"] + outcomes["refused"] == 100
    assert outcomes["refused"] > 30
