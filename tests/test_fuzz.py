"""Laws of hostile inputs: each is read, or refused in a line that names the file or the key."""

import random
import re
from collections import Counter
from pathlib import Path

import pytest
import robot_files

import fuzz

ROOT = Path(__file__).parents[1]


def test_every_promise_names_a_test_that_there_is():
    promised = re.findall(
        r"`(test_\w+)`", (ROOT / "docs" / "explanations" / "safety.md").read_text()
    )
    tests = "".join(file.read_text() for file in (ROOT / "tests").glob("test_*.py"))
    assert len(promised) > 20
    assert [name for name in promised if f"def {name}(" not in tests] == []


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_a_hostile_input_is_read_or_refused_by_name(tmp_path, monkeypatch, kind):
    """Nothing of it runs, nothing is written elsewhere, and it takes little time and memory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setattr(fuzz.signal, "alarm", lambda seconds: None)
    pytest.importorskip(robot_files.NEEDS.get(kind, "h5py"))
    good, outcomes = fuzz.KINDS[kind].prepare(tmp_path), Counter()
    for number in range(60):
        rng = random.Random(f"test {number}")
        thing = fuzz.KINDS[kind].damage(good, rng, tmp_path / f"damaged.{kind}")
        outcome = fuzz.judged(number, kind, thing)
        assert outcome.what != "fault", f"{number}: {outcome.detail}"
        outcomes[outcome.what] += 1
    assert outcomes["refused"] > 15
