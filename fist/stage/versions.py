"""What a run was made with: versions of the software, and the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from fist.stage.text import Record, csv_table

PACKAGES = (
    *("torch", "numpy", "mujoco", "gymnasium", "gymnasium-robotics", "h5py", "pandas"),
    *("matplotlib", "snakemake"),
)


def software(folder: Path) -> list[Record]:
    """Return names and versions: of the code in `folder`, of Python, packages and the machine."""
    records = [
        {"what": "this repository, commit", "version": _commit(folder)},
        {"what": "Python", "version": platform.python_version()},
    ]
    for package in PACKAGES:
        try:
            records.append({"what": package, "version": metadata.version(package)})
        except metadata.PackageNotFoundError:
            continue
    records.append({"what": "system", "version": platform.platform(terse=True)})
    records.append({"what": "processor", "version": f"{_processor()}, {os.cpu_count()} cores"})
    return records


def software_csv(folder: Path) -> str:
    """Return the same as CSV."""
    return csv_table(("what", "version"), software(folder))


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
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
