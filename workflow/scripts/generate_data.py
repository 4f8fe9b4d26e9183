"""Make play data or demonstrations of one sequence with a scripted operator."""

import json
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

from _cli import function, main
from fist.stage.files import fingerprint
from fist.stage.provenance import code_version
from fist.stage.resume import Finished


@dataclass(frozen=True)
class Arguments:
    out: Path
    """HDF5 file to write, in D4RL's layout."""
    sequence: str
    """What to record, joined by "-": microwave-kettle-top_burner-light_switch."""
    generator: str = "d4rl.kitchen.generate:generate"
    """Function that makes the episodes, module:function."""
    episodes: int = 25
    """Number of episodes."""
    seed: int = 0
    """Seed; with the sequence it decides every episode."""
    arguments: str = "{}"
    """More arguments of the function, as JSON: '{"only_successful": true}'."""
    workers: int = 1
    """Processes; the file is the same for any number of them."""
    resume: Path | None = None
    """Resume file: episodes made before a stop, for a function with an argument `finished`."""
    save_every: float = 30.0
    """Seconds between savings of the resume file."""


def run(args: Arguments) -> None:
    generate = function(args.generator)
    arguments = {"workers": args.workers, **json.loads(args.arguments)}
    if "finished" in signature(generate).parameters:
        code = code_version(args.generator)
        key = fingerprint([args.generator, args.sequence, args.seed, args.arguments, code])
        arguments["finished"] = Finished(args.resume, key, args.save_every)
    generate(args.out, args.sequence.split("-"), args.episodes, args.seed, **arguments)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
