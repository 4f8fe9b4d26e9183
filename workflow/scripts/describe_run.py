"""Write down what a run was made with: its whole configuration, and versions of the software."""

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from _cli import main
from fist.stage.files import write_text
from fist.stage.versions import software_csv


@dataclass(frozen=True)
class Arguments:
    config: str
    """The configuration, as JSON."""
    out: Path
    """YAML file to write it to."""
    versions: Path
    """CSV file for the versions of the software."""


def run(args: Arguments) -> None:
    write_text(args.versions, software_csv(Path(__file__).parent))
    write_text(args.out, yaml.safe_dump(json.loads(args.config), sort_keys=False))


if __name__ == "__main__":
    main(Arguments, run, __doc__)
