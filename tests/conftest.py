"""Fixtures that several test files share, and which tests run side by side.

Free of torch and Snakemake: the kitchen's tests run without them.
"""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SPREAD = {"test_workflow"}
"""Long files whose tests share nothing but the made pipeline: each runs where there is room."""


@pytest.hookimpl(optionalhook=True)  # not everywhere is pytest-xdist
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file in one process, for what its fixtures make, but those of SPREAD."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return nodeid if Path(file).stem in SPREAD else file

    return ByFile(config, log)


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
def egl() -> None:
    """Skip the test, with the reason, where no pictures can be drawn."""
    from d4rl.maze.env import MazeEnv

    with MazeEnv(render_mode="rgb_array", width=16, height=16) as env:
        env.reset()
        try:
            env.render()
        except RuntimeError as error:
            pytest.skip(str(error))


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
