"""Write down what a run was made with: its whole configuration, and versions of the software."""

from pathlib import Path

import yaml

from _cli import main
from fist.stage.files import parse_json, write_text
from fist.stage.versions import software_csv


def run(config: Path, out: Path, versions: Path) -> None:
    """Write down what a run was made with.

    Args:
        config: JSON file of the configuration.
        out: YAML file to write it to.
        versions: CSV file for the versions of the software.
    """
    write_text(versions, software_csv(Path(__file__).parent))
    write_text(out, yaml.safe_dump(parse_json(config.read_text(), "--config"), sort_keys=False))


if __name__ == "__main__":
    main(run)
