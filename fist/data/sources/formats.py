"""The formats that robot people have, each a source; `auto` looks which one it is.

Every one takes the same options: `keys`, the columns that states are made of, in this order;
`actions`; `action_range`; and `mask`, a filter of robomimic's.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

from d4rl_layout import OTHERS, ROWS, DataError, bounded, opened, plain, read, stops
from fist.data.sources import zarr as zarr_stores
from fist.data.sources.lerobot import LeRobot
from fist.data.sources.minari import Minari, space_of
from fist.data.sources.npz import Npz
from fist.data.sources.recordings import Block, Column, InChunks, Range, Recording, take
from fist.data.sources.robomimic import Robomimic

BEGINS = {b"\x89HDF\r\n\x1a\n": "hdf5", b"PK\x03\x04": "zip", b"PAR1": "parquet"}
"""How files begin."""


class D4RL(Recording):
    """D4RL's own layout: actions may be of any range, and columns chosen."""

    layout = "local"
    states, done = ("observations",), "terminals"

    def __init__(self, path: Path, keys: Sequence[str] = (), actions: Sequence[str] = ()):
        super().__init__(path)
        with opened(path) as file:
            arrays = {name: plain(file, name) for name in file}
            arrays = {n: a for n, a in arrays.items() if isinstance(a, h5py.Dataset) and a.shape}
            self.columns = {
                name: Column(array.shape[1:], array.dtype)
                for name, array in arrays.items()
                if array.dtype.kind in "biuf"
            }
            names = sum(self.chosen(keys, actions), [])
            rows = {name: len(arrays[name]) for name in {*names, "terminals"} if name in arrays}
            if len({*rows.values()}) > 1 or "terminals" not in rows:
                raise DataError(f"the arrays differ in length, or there are no terminals: {rows}")
            bounded(file, ((name, arrays[name]) for name in rows))

    @property
    def lengths(self) -> list[int]:
        ends = stops(self.path, read(self.path, ("terminals",), ROWS[-2:]))
        return np.diff(ends, prepend=0).tolist()

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        with opened(self.path) as file:
            arrays = [plain(file, name) for name in names]
            parts = [InChunks(a.__getitem__, len(a), (a.chunks or (1,))[0]) for a in arrays]
            for rows in self.steps(names, len(arrays[0])):
                yield rows.stop - rows.start, [part[rows] for part in parts]


LAYOUTS: dict[str, Callable[..., Recording]] = {
    "local": D4RL,
    "robomimic": Robomimic,
    "minari": Minari,
    "lerobot": LeRobot,
    "zarr": zarr_stores.Zarr,
    "npz": Npz,
}
"""Layouts, by the source that reads them."""


def recognised(path: Path) -> str:
    """Return the source that reads a file or folder, by its header; DataError where none does."""
    if path.is_dir():
        signs = {"meta/info.json": "lerobot", "metadata.json": "minari"}
        signs |= {"data/metadata.json": "minari"} | dict.fromkeys(zarr_stores.GROUPS, "zarr")
        found = [source for sign, source in signs.items() if (path / sign).is_file()]
        if found or next(path.glob("*.npz"), None) is not None:
            return found[0] if found else "npz"
        if (path / "cell.json").is_file():
            raise DataError(f"{path}: a policy: inspect its model.safetensors, or `fist eval` it")
        raise DataError(f"{path}: a folder of no known layout ({', '.join(LAYOUTS)})")
    if not path.is_file():
        raise FileNotFoundError(f"no data set at {path}: check the path that was given")
    with open(path, "rb") as file:
        begin = file.read(8)
    kind = next((kind for magic, kind in BEGINS.items() if begin.startswith(magic)), "")
    if kind == "hdf5":
        with opened(path) as file:
            there = file.id.links.exists
            return next((name for name, at in OTHERS.items() if there(at.encode())), "local")
    if kind == "zip" or path.suffix == ".npz":
        return "zarr" if path.suffix != ".npz" and zarr_stores.is_store(path) else "npz"
    beside = {".mjl": "relay", ".pkl": "fist"}.get(path.suffix)
    advice = f"source: {beside}" if beside else f"known layouts: {', '.join(LAYOUTS)}"
    if kind == "parquet":
        advice = "a part of a LeRobot data set? Name its folder"
    raise DataError(f"{path}: of no layout that can be told by its header; {advice}")


def _source(layout: str | None) -> Callable[..., dict[str, Any]]:
    """Return the source of a layout; None: of any."""

    def source(
        files: Sequence[Path],
        what: str,
        out: Path | None,
        keys: list[str] | None = None,
        actions: list[str] | None = None,
        action_range: Range | None = None,
        mask: str | None = None,
    ) -> dict[str, Any]:
        if not files:
            if layout not in ("lerobot", None):
                raise DataError(f"{what}: {layout} fetches nothing (fetches): lerobot does")
            options = {"keys": keys, "actions": actions, "action_range": action_range}
            return {} if out is None else _fetched(what, out, mask=mask, **options)
        (path,) = files
        found = recognised(path)
        if layout not in (found, None):
            raise DataError(f"{path} is of another layout than {layout}: source: {found}")
        more: dict[str, Any] = {} if mask is None else {"mask": mask}
        if more and found != "robomimic":
            raise DataError(f"{path} is no robomimic file: no option mask")
        if found == "minari" and out is not None:
            more = {"space_of": space_of}
        made = LAYOUTS[found](path, keys or (), actions or (), **more)
        return take(made, out, keys, actions, action_range)

    return source


def _fetched(what: str, out: Path, **options: Any) -> dict[str, Any]:
    """Fetch a LeRobot data set from the hub, without its videos, and read it."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise DataError(f"huggingface_hub is not installed ({error}): pip install it") from None
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".hub.", dir=out.parent) as folder:
        wanted = ["meta/*", "data/*"]
        try:
            snapshot_download(what, repo_type="dataset", allow_patterns=wanted, local_dir=folder)
        except Exception as error:  # a network's and a server's many ways to fail
            said = " ".join(str(error).split())[:300]
            raise DataError(f"{what} could not be fetched from the hub ({said})") from None
        try:
            return lerobot([Path(folder)], what, out, **options)
        except (DataError, FileNotFoundError) as error:
            raise DataError(str(error).replace(folder, what)) from None


auto = _source(None)
local, robomimic, lerobot, zarr, npz = map(
    _source, ("local", "robomimic", "lerobot", "zarr", "npz")
)
