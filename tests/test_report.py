"""The report: one page that opens in a browser without a network, and shows what was made."""

import csv
import shutil
import subprocess
import tempfile

import imageio.v3 as imageio
import numpy as np
import pytest
import yaml
from pipeline_copy import TINY, copy_pipeline, snakemake

PARTS = {"menu": slice(0, 280), "words": slice(290, 790), "graph": slice(800, 1050)}
"""Columns of a picture of the report, 1,400 pixels wide."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OFFLINE = ("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9")
HEADLESS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--virtual-time-budget=20000", *OFFLINE),
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder in which the report of a tiny run has been made."""
    folder = copy_pipeline(tmp_path_factory.mktemp("report"))
    tables = ("--config", "default_tables=[kitchen_table]")
    status, said = snakemake(folder, "report", "-j2", *TINY, *tables, seconds=3000)
    assert status == 0, said[-3000:]
    return folder


def browse(page, *options):
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser to look at the report with: none of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, *HEADLESS, f"--user-data-dir={profile}", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return done.stdout


def test_the_report_is_not_blank_in_a_browser_without_a_network(made, tmp_path):
    picture = tmp_path / "report.png"
    browse(made / "results" / "report.html", f"--screenshot={picture}", "--window-size=1400,900")
    pixels = imageio.imread(picture)[..., :3]
    assert pixels.shape == (900, 1400, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    dark = pixels.mean(-1) < 128
    ink = {part: dark[:, columns].mean() for part, columns in PARTS.items()}
    assert min(ink.values()) > 0.005, ink
    # The menu fades in from a dark colour.
    assert ink["words"] < 0.5 and ink["graph"] < 0.5, ink


def test_the_report_offers_tables_figures_videos_and_the_run(made):
    seen = browse(made / "results" / "report.html", "--dump-dom")
    body = seen[seen.index("<body") :]
    for words in ("Tables", "Figures", "Videos", "Run", "Few-shot imitation"):
        assert f">{words}" in body or words in body.split("<script")[0], words


def test_every_file_that_is_shown_is_in_the_page(made):
    text = (made / "results" / "report.html").read_text()
    shown = [
        *("kitchen_table.csv", "kitchen_table_statistics.csv", "claims.csv", "cost.csv"),
        *(
            "figures/cost.png",
            "run/versions.csv",
            "run/config.yaml",
            "videos/kitchen/top_burner/fist/seed_0.png",
        ),
        *(f"figures/kitchen_table/{name}.png" for name in ("scores", "retrieval", "features")),
    ]
    for file in shown:
        assert (made / "results" / file).exists()
        assert f"results/{file}" in text, file


def test_the_run_is_described_by_its_whole_configuration_and_its_software(made):
    config = yaml.safe_load((made / "results" / "run" / "config.yaml").read_text())
    assert config["models"]["skills"]["train"]["steps"] == 40
    assert config["default_tables"] == ["kitchen_table"]
    with open(made / "results" / "run" / "versions.csv", newline="") as file:
        versions = {row["what"]: row["version"] for row in csv.DictReader(file)}
    assert versions["torch"].startswith("2.") and "cores" in versions["processor"]
