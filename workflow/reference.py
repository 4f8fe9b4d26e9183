"""The tables of config/README.md, made of the docstrings of the settings.

Usage: reference.py [--write]
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from configuration import load
from declarations import declared
from settings import base_schema

CONFIG = Path(__file__).resolve().parents[1] / "config"
README = CONFIG / "README.md"
BLOCK = re.compile(r"(<!-- settings: (.*?) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def reference(text: str) -> str:
    """Return a text with the settings in every block, which names them by a path of keys.

    A path leads through the whole configuration, or through what the classes of config.yaml
    declare: `configuration tables *`, `models skills train`.
    """
    default = yaml.safe_load((CONFIG / "config.yaml").read_text())
    known = declared(load({"config.yaml": default})) | {"configuration": base_schema()}

    def filled(block: re.Match[str]) -> str:
        node: Any = known
        for key in block[2].split():
            rest = node.get("additionalProperties") or node.get("items")
            node = rest if key == "*" else node.get("properties", node)[key]
        return block[1] + table(node)

    return BLOCK.sub(filled, text)


def table(schema: Mapping[str, Any]) -> str:
    """Return the settings of a schema as a table in Markdown."""
    rows = ["| key | what | default |", "| --- | --- | --- |"]
    for key, entry in schema["properties"].items():
        default = entry.get("default")
        shown = "" if default in (None, []) else f"`{json.dumps(default)}`".replace('"', "")
        words = " ".join(entry["description"].split()).replace("|", "\\|")
        rows.append(f"| `{key}` | {words} | {shown} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    written = README.read_text()
    if sys.argv[1:] == ["--write"]:
        README.write_text(reference(written))
    elif reference(written) != written:
        sys.exit(f"{README} is out of date: python {sys.argv[0]} --write")
