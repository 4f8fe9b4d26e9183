"""Fixtures that several test files share, and which tests run side by side.

Free of torch and Snakemake: the kitchen's tests run without them.
"""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(config, items):
    """Keep the tests of a file in one process, but for those marked `spread` (`--dist loadgroup`).

    The tests of a file share what its fixtures make; spread tests share nothing that takes long.
    """
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if item.get_closest_marker("spread") is None:
                item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def made_pipeline(tmp_path_factory) -> Path:
    """A folder in which the tiny pipeline has been made: read only, for all tests there are.

    It is made where FIST_TEST_PIPELINE says, for several runs of pytest, else for this one.
    """
    from pipeline_copy import make_once

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all processes
    return make_once(Path(os.environ.get("FIST_TEST_PIPELINE", folder / "made_pipeline")))


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
