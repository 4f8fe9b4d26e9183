"""The report: one page that opens in a browser without a network, and shows what was made."""

import csv
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
import yaml
from pipeline_copy import TINY, copy_made, plan, snakemake

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OFFLINE = ("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9")
HEADLESS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--virtual-time-budget=20000", *OFFLINE),
)
TABLES = ("--config", "default_tables=[kitchen_table]")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
"""Elements without an end."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(made_pipeline, tmp_path_factory):
    """A folder in which the report of a tiny run has been made."""
    folder = copy_made(made_pipeline, tmp_path_factory.mktemp("report") / "copy")
    status, said = snakemake(folder, "report", "-j2", *TINY, *TABLES, seconds=3000)
    assert status == 0, said[-3000:]
    return folder


class Page(HTMLParser):
    """What a page's application shows once its scripts have run, of the browser's own account."""

    def __init__(self, dom):
        super().__init__()
        self.menu, self.words, self.graphs, self._within = [], [], [], []
        self.feed(dom)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "canvas" and self._shown():
            self.graphs.append((int(attributes["width"]), int(attributes["height"])))
        if tag not in VOID:
            self._within.append("#" + attributes["id"] if "id" in attributes else tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            self._within.pop()

    def handle_data(self, data):
        if self._shown() and data.strip():
            (self.menu if "nav" in self._within else self.words).append(data.strip())

    def _shown(self):
        return "#app" in self._within and not {"script", "style"} & {*self._within}


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    """The report as a browser without a network shows it."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser to look at the report with: none of {', '.join(BROWSERS)}")
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    report = (made / "results/test" / "report.html").as_uri()
    command = [browser, *HEADLESS, profile, "--dump-dom", report]
    return Page(subprocess.run(command, capture_output=True, text=True, timeout=900).stdout)


def test_the_report_is_not_blank_in_a_browser_without_a_network(page):
    """Menu, words and graph are there: all that the page's scripts put there."""
    assert len(page.menu) > 5 and len(" ".join(page.words)) > 100
    assert max(page.graphs) > (100, 100)


def test_the_report_offers_tables_figures_videos_and_the_run(page):
    assert {"Tables", "Figures", "Videos", "Run"} <= {*page.menu}
    assert any("Few-shot imitation" in words for words in page.words)


def test_a_change_of_what_every_stage_runs_makes_every_job_of_the_report_run_again(made):
    """Those of figures, videos and pages, too, which other tests do not make."""
    jobs = plan(made, "report", *TINY, *TABLES, "-F")
    file = made / "fist" / "stage" / "files.py"
    text = file.read_text()
    file.write_text(text + "\n# changed\n")
    again = plan(made, "report", *TINY, *TABLES)
    file.write_text(text)
    assert {job.rule for job in again} == {job.rule for job in jobs}
    assert len(again) == len(jobs)


def test_every_file_that_is_shown_is_in_the_page(made):
    text = (made / "results/test" / "report.html").read_text()
    shown = [
        *("kitchen_table.html", "kitchen_table_statistics.csv", "claims.csv", "cost.csv"),
        *(
            "figures/cost.png",
            "run/versions.csv",
            "run/config.yaml",
            "videos/kitchen/top_burner/fist/seed_0.png",
        ),
        *(f"figures/kitchen_table/{name}.png" for name in ("scores", "curves", "features")),
    ]
    for file in shown:
        assert (made / "results/test" / file).exists()
        assert f"results/test/{file}" in text, file


def test_the_run_is_described_by_its_whole_configuration_and_its_software(made):
    config = yaml.safe_load((made / "results/test" / "run" / "config.yaml").read_text())
    assert config["models"]["skills"]["train"]["steps"] == 40
    assert config["default_tables"] == ["kitchen_table"]
    with open(made / "results/test" / "run" / "versions.csv", newline="") as file:
        versions = {row["what"]: row["version"] for row in csv.DictReader(file)}
    assert versions["torch"].startswith("2.") and "cores" in versions["processor"]
