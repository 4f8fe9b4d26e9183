"""Draw what is looked up along an episode, as PDF and PNG beside the CSV it is drawn from."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.analysis.figures.retrieval import plot_retrieval


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write; the pictures go beside it."""
    files: tuple[Path, ...]
    """The trace.csv of one method and training seed, one file a task."""
    episode: int = 0
    """Number of the episode, from 0."""


def run(args: Arguments) -> None:
    plot_retrieval(args.files, args.out, args.episode)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
