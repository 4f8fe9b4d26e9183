"""Members of archives, the FIST release's above all, as data sets in D4RL's layout."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from d4rl_layout import DataError, read, write
from fist.data.episodes import Episodes, save_episodes
from fist.data.sources.archive import ArchiveError, extract, matching
from fist.data.sources.pickles import load_arrays
from fist.stage.functions import function


def unpack(files: Sequence[Path], what: str, out: Path) -> None:
    """Write one member of an archive as a data set.

    HDF5 files stay as they are, but for one without any episode end (the mazes' play data, recorded
    in one go), which becomes one episode. Pickled demonstrations are converted.

    Args:
        files: the zip archive.
        what: the member's name, or the end of its path (`fist.data.sources.archive`).
        out: HDF5 file to write.

    Raises:
        ArchiveError: the archive is unsafe or damaged, or not one member matches.
        PickleError, DataError: the member is no data set.
    """
    (archive,) = files
    found = matching(archive, what)
    if len(found) > 1:
        raise ArchiveError(f"{archive}: {what!r} matches several files: {', '.join(found)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unpack.", dir=out.parent) as folder:
        (file,) = extract(archive, found, Path(folder))
        if file.suffix == ".pkl":
            save_episodes(out, demonstrations(file))
            return
        arrays = read(file)
        if (arrays["terminals"] | arrays.get("timeouts", False)).any():
            os.replace(file, out)
        else:
            arrays["terminals"][-1:] = True
            write(out, arrays)


def convert_logs(
    files: Sequence[Path], what: str, out: Path, converter: str = "d4rl.recorded.relay:convert"
) -> dict[str, Any]:
    """Unpack raw logs of an archive and convert them; what could not be used is left out.

    Args:
        files: the zip archive.
        what: the folder in it, or the logs; * and ? stand for any characters.
        out: HDF5 file to write.
        converter: function (module:function) that writes that file from the logs' files, and
            returns a report, in which `skipped` says by file why it was left out.

    Raises:
        ArchiveError: the archive is unsafe or damaged, or nothing matches.
        ValueError: the converter finds nothing that it can use.
    """
    (archive,) = files
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".logs.", dir=out.parent) as folder:
        logs = extract(archive, matching(archive, what), Path(folder))
        report = function(converter)(logs, out)
    skipped = report.get("skipped", {}).items()
    return report | {"skipped": {os.path.relpath(file, folder): why for file, why in skipped}}


def demonstrations(path: Path) -> Episodes:
    """Read pickled demonstrations: a list of state arrays and one of action arrays.

    An episode has one state more than actions, the one it ended in; it is left out, as D4RL's
    layout has no row for it.

    Raises:
        PickleError, DataError: it is something else.
    """
    value = load_arrays(path)
    lists = value if isinstance(value, (list, tuple)) else ()
    if len(lists) != 2 or not all(isinstance(part, (list, tuple)) for part in lists):
        raise DataError(f"{path}: expected a list of states and a list of actions per episode")
    if len(lists[0]) != len(lists[1]) or not lists[0]:
        raise DataError(f"{path}: {len(lists[0])} lists of states, {len(lists[1])} of actions")
    left, widths, episodes = 2 * path.stat().st_size, set(), []
    for number, pair in enumerate(zip(*lists, strict=True)):
        rows = [list(array) if _is_listed(array, left) else [] for array in pair]
        plain = all(isinstance(row, np.ndarray) and row.ndim == 1 for row in sum(rows, []))
        left -= sum(1 + np.size(row) for row in sum(rows, [])) if plain else left + 1
        widths |= {(row.size, place) for place in (0, 1) for row in rows[place] if plain}
        whole = len(widths) == 2 and all(size for size, _ in widths)
        if left < 0 or not whole or len(rows[0]) - len(rows[1]) not in (0, 1):
            shapes = [getattr(array, "shape", type(array).__name__) for array in pair]
            raise DataError(
                f"{path}: episode {number} has states {shapes[0]} and actions {shapes[1]}; "
                "expected (T + 1, state) and (T, action), and no more numbers than are in the file"
            )
        episodes.append((np.array(rows[0][: len(rows[1])]), np.array(rows[1])))
    return Episodes.of(*zip(*episodes, strict=True))


def _is_listed(array: Any, most: int) -> bool:
    """Tell whether something is a list or an array of so many rows at most; they may be empty."""
    rows = isinstance(array, list) or (isinstance(array, np.ndarray) and array.ndim > 0)
    return rows and len(array) <= most
