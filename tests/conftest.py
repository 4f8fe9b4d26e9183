"""Fixtures that several test files share. Free of torch: the kitchen's tests run without it."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_demos() -> Path:
    """Return the folder of the 44 recorded demonstrations, or skip the test."""
    if "FIST_REAL_DEMOS" in os.environ:
        places = [Path(os.environ["FIST_REAL_DEMOS"])]
    else:
        places = [REPOSITORY / "data/real", REPOSITORY.parent / "shared/data/kitchen"]
    for place in places:
        if any(place.glob("kitchen-demo-*.hdf5")):
            return place
    tried = " or ".join(map(str, places))
    pytest.skip(f"no recorded demonstrations in {tried}; set FIST_REAL_DEMOS to their folder")
