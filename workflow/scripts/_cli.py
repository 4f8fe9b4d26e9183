"""What every script does around its one call of the library: options, log lines, errors."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tyro


def main(arguments: type, run: Callable[[Any], Any], description: str) -> None:
    """Read the options that a dataclass describes and run the script with them.

    What the user can put right (bad data, a bad setting, a missing file, a full disk, Ctrl-C) ends
    in one line on standard error. Anything else is a mistake of this program: its traceback is
    shown.
    """
    script = Path(sys.argv[0]).name
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    try:
        run(tyro.cli(arguments, description=description))
    except (OSError, ValueError, ArithmeticError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        sys.exit(f"{script}: error: {error} ({Path(place.filename).name}:{place.lineno})")
    except KeyboardInterrupt:
        print(f"{script}: interrupted", file=sys.stderr)
        sys.exit(130)
