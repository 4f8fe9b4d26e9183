"""Make a data set with a source."""

from pathlib import Path

from fist.data.episodes import load_episodes
from fist.data.sources import SHORT_NAMES
from fist.stage.files import parse_json, sha256, write_json
from fist.stage.functions import function


def convert(
    source: str, what: str, out: Path, files: tuple[Path, ...] = (), arguments: str = "{}"
) -> None:
    """Bring data from elsewhere into D4RL's layout; a JSON file beside the result says what of.

    Args:
        source: function that does it, module:function, or the short name of one.
        what: which data: a member of an archive, a folder in it, the name of a data set.
        out: HDF5 file to write.
        files: what the data are in.
        arguments: more arguments of the function, as JSON.

    Raises:
        ValueError: there is no such function, or what it makes is no data set.
    """
    before = _written(out)
    try:
        make = function(SHORT_NAMES.get(source, source))
        report = make(files, what, out, **parse_json(arguments, "arguments"))
        episodes = load_episodes(out)
        made_of = [{"path": str(path), "sha256": sha256(path)} for path in files if path.is_file()]
        about = {"source": source, "what": what, "arguments": arguments, "files": made_of}
        about |= {"episodes": len(episodes), "rows": len(episodes.states)} | (report or {})
        write_json(out.with_suffix(".json"), about)
    except BaseException:  # what was refused is not left behind, and earlier results are
        if _written(out) != before:
            for file in (out, out.with_suffix(".json")):
                file.unlink(missing_ok=True)
        raise


def _written(file: Path) -> int | None:
    return file.stat().st_mtime_ns if file.exists() else None
