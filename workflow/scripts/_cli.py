"""What every script does first: it listens to Ctrl-C, and lets the modules of others come first."""

import sys
from pathlib import Path

from fist.commands.cli import environments, listen, main

__all__ = ["environments", "main"]

# Scripts import this module before those that take seconds. Their folder comes last on the path: a
# user's module may be called like one of them.
if Path(sys.argv[0]).resolve().parent == Path(__file__).resolve().parent:
    sys.path.append(sys.path.pop(0))
    listen()
