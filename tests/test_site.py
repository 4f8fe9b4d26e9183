"""Laws of the documentation: every page can be reached, and every link leads somewhere."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from pipeline_copy import ROOT

SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
PAGES = sorted((ROOT / "docs").rglob("*.md"))
TEXTS = [*PAGES, *(ROOT / place / "README.md" for place in (".", "config", "d4rl", "demo"))]
TEXTS += [ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY")]


def named(entries):
    """Yield every page that a navigation names, at any depth."""
    for entry in entries:
        for value in [entry] if isinstance(entry, str) else entry.values():
            yield from [value] if isinstance(value, str) else named(value)


def prose(file):
    """Return a text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", file.read_text(), flags=re.S | re.M)


def anchors(file):
    """Return what links can name in a text: its headings, as GitHub and MkDocs write them."""
    heads = re.findall(r"^#+ (.+)$", prose(file), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


def test_every_page_is_in_the_navigation_once():
    hooks = (ROOT / "docs" / "hooks.py").read_text()
    made = re.findall(r'"(\S+\.md)": "(\S+\.md)"', hooks)
    assert len(made) > 3 and all((ROOT / source).exists() for source, _ in made)
    pages = [str(page.relative_to(ROOT / "docs")) for page in PAGES] + [page for _, page in made]
    assert sorted(named(SITE["nav"])) == sorted(pages)


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(file):
    for target in re.findall(r"\]\(([^()\s:]+)\)", prose(file)):
        path, _, anchor = target.partition("#")
        found = Path(os.path.normpath(file.parent / path)) if path else file
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_the_readme_has_130_lines_at_most_and_begins_with_a_picture():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 130
    assert [line for line in lines[:8] if line.startswith("![")]


def test_the_site_builds_strictly_and_fetches_nothing(tmp_path):
    if find_spec("mkdocs") is None:
        pytest.skip("MkDocs is not installed: make docs installs it")
    for place in ROOT.glob("[!.]*"):
        if place.name not in ("docs", "site"):
            (tmp_path / place.name).symlink_to(place)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    words = re.search(r"mkdocs (.*)", (ROOT / "Makefile").read_text())[1].split()
    command = [sys.executable, "-m", "mkdocs", *words]
    build = {"cwd": tmp_path, "env": os.environ | {"NO_MKDOCS_2_WARNING": "1"}}
    built = subprocess.run(command, **build, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "site" / "index.html").read_text()
    assert (
        re.findall(r'<(?:script|img)[^>]* src="http|<link rel="stylesheet" href="http', page) == []
    )
    (tmp_path / "docs" / "how-to" / "robot.md").write_text("[nowhere](nowhere.md)")
    assert subprocess.run(command, **build, capture_output=True).returncode != 0
