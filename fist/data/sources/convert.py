"""Make a data set with a source."""

import os
from inspect import signature
from pathlib import Path

from fist.data.episodes import load_episodes
from fist.data.sources import SHORT_NAMES
from fist.stage.files import check_place, named_as, parse_json, sha256, write_json
from fist.stage.functions import function


def convert(
    source: str, what: str, out: Path, files: tuple[Path, ...] = (), arguments: str = "{}"
) -> None:
    """Bring data from elsewhere into D4RL's layout; a JSON file beside the result says what of.

    Args:
        source: function that does it, module:function, or the short name of one.
        what: which data: a member of an archive, a folder in it, the name of a data set.
        out: HDF5 file to write; an earlier one is replaced by what can be used.
        files: what the data are in.
        arguments: more arguments of the function, as JSON.

    Raises:
        ValueError: there is no such function, it takes other arguments, or what it makes is no data
            set.
        OSError: nothing can be written there, or it is one of the files.
    """
    check_place(out, files)
    make, more = function(SHORT_NAMES.get(source, source)), parse_json(arguments, "arguments")
    try:
        signature(make).bind(files, what, out, **more)
    except TypeError as error:
        raise ValueError(f"{source} cannot be called with arguments {arguments}: {error}") from None
    made = out.with_name(f".{out.stem}.{os.getpid()}.made{out.suffix}")
    try:
        with named_as(made, out):
            report = make(files, what, made, **more)
            episodes = load_episodes(made)
        made_of = [{"path": str(path), "sha256": sha256(path)} for path in files if path.is_file()]
        about = {"source": source, "what": what, "arguments": arguments, "files": made_of}
        about |= {"episodes": len(episodes), "rows": len(episodes.states)} | (report or {})
        write_json(out.with_suffix(".json"), about)
        os.replace(made, out)
    finally:
        made.unlink(missing_ok=True)
