"""Laws of what code a result depends on: all that runs, and nothing that does not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fist.stage.provenance import source_files

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"


def write(folder, modules):
    for name, text in modules.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def version(folder, arguments):
    """Return a fingerprint as a process computes it that finds its modules in a folder first."""
    code = "from fist.stage.provenance import code_version, registered\n"
    code += f"print(code_version({arguments}))"
    path = os.pathsep.join([str(folder), str(ROOT), str(ROOT / "d4rl" / "src")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imports_are_followed_however_they_are_written(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    house = {
        "__init__": "",
        "hall": "from . import kitchen\nfrom .cellar import wine\nimport house.attic",
        "kitchen": "def cook():\n    from house import garden",
        "cellar": "import numpy, json",
        "attic": "",
        "garden": "",
        "garage": "",
    }
    write(tmp_path, {f"house/{room}.py": text for room, text in house.items()})
    rooms = ("hall", "kitchen", "cellar", "attic", "garden")
    assert source_files("house.hall").keys() == {f"house.{room}" for room in rooms}


def test_a_module_is_the_one_that_is_found_not_the_one_that_is_imported(tmp_path, monkeypatch):
    """A user's values.py is his, though the workflow has imported a module of that name."""
    monkeypatch.setitem(sys.modules, "values", sys)
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path, {"values.py": "", "mine.py": "import values"})
    assert source_files("mine")["values"] == tmp_path / "values.py"


def test_a_module_that_cannot_be_parsed_counts_and_breaks_nothing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    write(
        tmp_path,
        {"broken_1.py": "class\n", "broken_2.py": "\0", "broken_3.py": "from ... import x"},
    )
    for name in ("broken_1", "broken_2", "broken_3"):
        assert source_files(name).keys() == {name}


def test_a_package_counts_where_something_is_imported_from_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    write(
        tmp_path,
        {
            "flat/__init__.py": "from .room import door\nkey = 1",
            "flat/room.py": "door = 1",
            "visitor.py": "from flat import key",
            "lodger.py": "from flat.room import door",
        },
    )
    assert source_files("visitor").keys() == {"visitor", "flat", "flat.room"}
    assert source_files("lodger:live").keys() == {"lodger", "flat.room"}


def test_a_script_depends_on_what_lies_beside_it_and_on_the_library_that_it_uses():
    files = source_files(SCRIPTS / "make_split.py")
    assert {"make_split.py", "_cli", "fist.data.split", "fist.stage.files"} <= files.keys()
    assert not any(name.startswith(("numpy", "torch", "pathlib", "d4rl.")) for name in files)


def test_a_fingerprint_follows_the_content_and_not_the_place(tmp_path):
    for place in ("here", "further/down"):
        write(tmp_path / place, {"mine.py": "import other", "other.py": "x = 1"})
    here = version(tmp_path / "here", "'mine'")
    assert version(tmp_path / "further/down", "'mine:Class'") == here
    write(tmp_path / "further/down", {"other.py": "x = 2"})
    assert version(tmp_path / "further/down", "'mine'") != here


@pytest.mark.parametrize(
    ("env_id", "inside", "outside"),
    [
        ("d4rl:kitchen-mixed-v0", "kitchen/elements.py", ("maze/layouts.py", "offline.py")),
        ("d4rl:maze2d-large-v1", "maze/vector.py", ("kitchen/env.py", "recording.py")),
    ],
)
def test_an_environment_is_what_its_id_registers(tmp_path, env_id, inside, outside):
    d4rl = shutil.copytree(ROOT / "d4rl" / "src" / "d4rl", tmp_path / "d4rl")
    before = version(tmp_path, f"env=registered({env_id!r})")
    for module in outside:
        (d4rl / module).write_text((d4rl / module).read_text() + "\n# changed\n")
    assert version(tmp_path, f"env=registered({env_id!r})") == before
    (d4rl / inside).write_text((d4rl / inside).read_text() + "\n# changed\n")
    assert version(tmp_path, f"env=registered({env_id!r})") != before


def test_a_registration_and_a_module_that_mends_an_environment_count(tmp_path):
    mending = "import gymnasium\ngymnasium.register('Mended-v0', 'gymnasium.envs:Env'{})"
    write(tmp_path, {"mending.py": mending.format("")})
    env = "env=registered('mending:Mended-v0')"
    versions = [version(tmp_path, env)]
    write(tmp_path, {"mending.py": "import helper\n" + mending.format(""), "helper.py": ""})
    versions.append(version(tmp_path, env))
    write(tmp_path, {"helper.py": "x = 1"})
    versions.append(version(tmp_path, env))
    write(tmp_path, {"mending.py": "import helper\n" + mending.format(", max_episode_steps=3")})
    versions.append(version(tmp_path, env))
    assert len(set(versions)) == 4


def test_what_is_installed_counts_by_its_version(tmp_path):
    """As does an environment that no module of its own registers."""
    line = version(tmp_path, "env=registered('CartPole-v1')")
    write(tmp_path, {"gymnasium-9.dist-info/METADATA": "Name: gymnasium\nVersion: 9\n"})
    write(tmp_path, {"gymnasium-9.dist-info/top_level.txt": "gymnasium\n"})
    assert version(tmp_path, "env=registered('CartPole-v1')") != line
