"""The command `fist`: a word that names a function of the library, then the function's options."""

import logging
import sys
from importlib import metadata

from fist.commands import cli

COMMANDS = {
    "demo": ("fist.commands.demo:demo", "watch a trained policy do its task, or one of your own"),
    "eval": ("fist.commands.bundle:evaluate", "test a trained policy, with other demonstrations"),
    "film": ("fist.commands.bundle:film", "film a test episode of a trained policy"),
    "inspect": ("fist.inspect.file:inspect", "look into a data set or a checkpoint"),
    "convert": ("fist.data.sources.convert:convert", "bring recordings into D4RL's layout"),
    "export": (
        "fist.commands.bundle:export",
        "copy a trained policy, with other demonstrations",
    ),
}
"""What each command runs, and a line about it."""


def main() -> None:
    """Run the command that the first word names."""
    cli.listen()
    sys.path.append("")  # the user's modules; those that are installed come first
    words = sys.argv[1:]
    with cli.ending():
        if words[:1] == ["--version"]:
            return print(f"fist {metadata.version('fist')}")
        if not words or words[0] in ("-h", "--help"):
            return print(_usage())
    if words[0] not in COMMANDS:
        sys.exit(f"fist: error: no command {words[0]!r:.99}\n\n{_usage()}")
    sys.argv = [f"fist {words[0]}", *words[1:]]
    cli.main(COMMANDS[words[0]][0], level=logging.WARNING)


def _usage() -> str:
    lines = [f"  {name:8} {about}" for name, (_, about) in COMMANDS.items()]
    text = "usage: fist COMMAND …\n\n" + "\n".join(lines)
    return text + "\n\nfist COMMAND --help tells its options."


if __name__ == "__main__":
    main()
