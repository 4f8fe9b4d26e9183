"""Folders of raw logs in an archive, brought into D4RL's layout by a converter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fist.data.sources.archive import extract, matching
from fist.stage.files import sha256, write_json

Converter = Callable[[Sequence[Path], Path], dict[str, Any]]
"""Writes an HDF5 file in D4RL's layout from some files, and reports what went into it."""


def convert_logs(archive: Path, pattern: str, converter: Converter, out: Path) -> dict[str, Any]:
    """Unpack some logs of an archive and convert them; a JSON file beside `out` has the report.

    Args:
        archive: zip archive.
        pattern: the folder, or files, that are wanted; see `fist.data.sources.archive.matching`.
        converter: see `Converter`.
        out: HDF5 file to write.

    Raises:
        ArchiveError: the archive is unsafe or damaged, or nothing matches.
        ValueError: the converter finds nothing that it can use.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".logs.", dir=out.parent) as folder:
        files = extract(archive, matching(archive, pattern), Path(folder))
        report = converter(files, out)
        skipped = {
            str(Path(file).relative_to(folder)): reason
            for file, reason in report.get("skipped", {}).items()
        }
    source = {"path": str(archive), "sha256": sha256(archive), "pattern": pattern}
    report = report | {"skipped": skipped, "source": source}
    write_json(out.with_suffix(".json"), report)
    return report
