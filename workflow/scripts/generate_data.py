"""Make play data or demonstrations of one sequence of sub-tasks with a scripted tele-operator."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from _cli import main


@dataclass(frozen=True)
class Arguments:
    out: Path
    """HDF5 file to write, in D4RL's layout."""
    sequence: str
    """Sub-tasks in order, joined by "-": microwave-kettle-top_burner-light_switch."""
    generator: str = "d4rl.kitchen.generate"
    """Module whose function `generate` makes the episodes."""
    episodes: int = 25
    """Number of episodes."""
    seed: int = 0
    """Seed; with the sequence it decides every episode."""
    only_successful: bool = False
    """Keep only episodes that complete the sequence, and make more until there are enough."""
    workers: int = 1
    """Processes; the file is the same for any number of them."""


def run(args: Arguments) -> None:
    import_module(args.generator).generate(
        args.out,
        args.sequence.split("-"),
        args.episodes,
        args.seed,
        workers=args.workers,
        only_successful=args.only_successful,
    )


if __name__ == "__main__":
    main(Arguments, run, __doc__)
