"""Laws of the house: who may know whom."""

import ast
from graphlib import TopologicalSorter

from pipeline_copy import ROOT

ROOMS = ("stage", "data", "methods", "training", "evaluation", "analysis", "inspect", "commands")
"""In their order: a room knows those before it."""


def imports(file):
    """Return the modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): imports(file)
    for file in (ROOT / "fist").rglob("*.py")
}


def test_a_room_knows_only_those_before_it():
    assert {name.split(".")[1] for name in MODULES if "." in name} == set(ROOMS)
    upward = [
        (name, other)
        for name, others in MODULES.items()
        for other in others
        if name != "fist" and other.startswith("fist.")
        if ROOMS.index(other.split(".")[1]) > ROOMS.index(name.split(".")[1])
    ]
    assert upward == []


def test_no_module_imports_itself_by_way_of_others():
    graph = {
        name: {other for other in others if other in MODULES} for name, others in MODULES.items()
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)  # else CycleError


def test_the_library_knows_no_environment_and_no_snakemake():
    """An environment is reached through Gymnasium alone; what it consists of is in no import."""
    known = {other.split(".")[0] for others in MODULES.values() for other in others}
    assert not known & {"d4rl", "gymnasium_robotics", "mujoco", "snakemake", "workflow"}
