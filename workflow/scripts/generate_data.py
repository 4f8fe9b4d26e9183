"""Make play data or demonstrations of one sequence with a scripted operator."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path

from _cli import main
from fist.files import fingerprint
from fist.state import Finished, code_version, sources

log = logging.getLogger(__name__)


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
    state: Path | None = None
    """Resume state: the episodes that a run that was stopped has made. Used where the function
    takes an argument `finished`."""
    save_every: float = 30.0
    """Seconds between savings of the resume state."""


def run(args: Arguments) -> None:
    module, _, function = args.generator.partition(":")
    generate = getattr(import_module(module), function)
    arguments = {"workers": args.workers, **json.loads(args.arguments)}
    if "finished" in signature(generate).parameters:
        arguments["finished"] = made_before(args, generate)
    generate(args.out, args.sequence.split("-"), args.episodes, args.seed, **arguments)


def made_before(args: Arguments, generate: Callable) -> Finished:
    """Return the episodes that the resume state holds."""
    decides = [args.generator, args.sequence, args.seed, args.arguments]
    code = code_version(sources(generate.__module__.partition(".")[0]))
    finished = Finished(args.state, fingerprint([*decides, code]), args.save_every)
    if finished:
        log.info("resuming at episode %d of %d", len(finished), args.episodes)
    return finished


if __name__ == "__main__":
    main(Arguments, run, __doc__)
