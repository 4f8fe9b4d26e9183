"""What a run was made with: versions of the software, and the machine."""

import os
import platform
import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from fist.stage.text import csv_table

PACKAGES = (
    *("torch", "numpy", "mujoco", "gymnasium", "gymnasium-robotics", "h5py", "pandas"),
    *("matplotlib", "snakemake"),
)


def software_csv(folder: Path) -> str:
    """Return versions as CSV: of the code in `folder`, of Python, packages and the machine."""
    versions = {"this repository, commit": _commit(folder), "Python": platform.python_version()}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    versions["system"] = platform.platform(terse=True)
    versions["processor"] = f"{_processor()}, {os.cpu_count()} cores"
    columns = ("what", "version")
    return csv_table(columns, [dict(zip(columns, row, strict=True)) for row in versions.items()])


def _commit(folder: Path) -> str:
    """Return the commit that is checked out, and whether files differ from it."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown: not a git repository"
    return result.stdout.strip().replace("-dirty", ", with changes")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
