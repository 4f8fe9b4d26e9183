"""Settings: the one declaration of each, from which everything else about it comes.

A settings class is a frozen dataclass. A field's type says what is allowed (`Count`, `Share`, a
`Literal`, …), its default what holds where nothing is said, and the docstring below it what it
means. The configuration's schema, its reference in config/README.md and the scripts' options are
made of these; a value that is not allowed is refused wherever an instance is made.
"""

from functools import wraps
from numbers import Integral
from typing import Annotated, Any, dataclass_transform

from annotated_types import Ge, Gt, Lt
from pydantic import ConfigDict, Strict, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

Count = Annotated[int, Strict(), Ge(1)]
"""A whole number of at least 1."""
Natural = Annotated[int, Strict(), Ge(0)]
"""A whole number of at least 0."""
Seed = Annotated[int, Strict(), Ge(0), Lt(1 << 32)]
"""A whole number from which random numbers come, below 2^32."""
Positive = Annotated[float, Strict(), Gt(0)]
"""A finite number above 0."""
NonNegative = Annotated[float, Strict(), Ge(0)]
"""A finite number of at least 0."""
Share = Annotated[float, Strict(), Ge(0), Lt(1)]
"""A finite number in [0, 1)."""
Flag = Annotated[bool, Strict()]
"""True or false."""
NAME = r"\w[\w .:+-]*"
"""Form of a text that names something: it is text wherever it is shown, in a page or a figure."""
Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$", max_length=200)]
"""A name of letters, digits, spaces and _.:+-"""
Line = Annotated[str, StringConstraints(pattern=r"^\P{C}*$", max_length=1000)]
"""A text of one line, which can be printed."""
MOST_FAULTS = 5
"""Faults of one instance that are told."""


def is_whole(value: Any) -> bool:
    """Return whether something is a whole number, of Python or NumPy; true, false, 1.0 are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


@dataclass_transform(frozen_default=True)
def settings(cls: type) -> Any:
    """Make a class a settings class: a frozen dataclass that checks the values it is given.

    Unknown fields, numbers that are not finite, and whole numbers that are given as 2.0 or true are
    refused with a ValueError of one line.
    """
    config = ConfigDict(allow_inf_nan=False, use_attribute_docstrings=True, extra="forbid")
    made = dataclass(cls, frozen=True, config=config)
    checked = made.__init__

    @wraps(checked)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            checked(self, *args, **kwargs)
        except ValidationError as error:
            raise ValueError("; ".join(map(said, error.errors()[:MOST_FAULTS]))) from None

    def said(fault: Any) -> str:
        name = ".".join((made.__name__, *map(str, fault["loc"])))[:99]
        if fault["type"] == "missing":
            return f"{name} is missing"
        return f"{name} is {fault['input']!r:.99}: {fault['msg'].removeprefix('Value error, ')}"

    made.__init__ = init  # type: ignore[method-assign]
    return made


def schema_of(cls: type) -> dict[str, Any]:
    """Return the JSON schema of a settings class: all in one, no key allowed but its fields.

    A field whose default is None may be left out, but does not take null.
    """
    schema = TypeAdapter(cls).json_schema(schema_generator=_Schema)
    definitions = schema.pop("$defs", {})

    def plain(node: Any) -> Any:
        """Put definitions in the place of references; patterns are of all keys of a mapping."""
        if isinstance(node, list):
            return [plain(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]] | node
        if "patternProperties" in node:
            ((pattern, entry),) = node["patternProperties"].items()
            names = {"type": "string", "pattern": pattern}
            node = node | {"propertyNames": names, "additionalProperties": entry}
        left_out = ("$ref", "patternProperties")
        return {key: plain(value) for key, value in node.items() if key not in left_out}

    return plain(schema) | {"additionalProperties": False}


class _Schema(GenerateJsonSchema):
    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        found = super().dataclass_schema(schema)
        for base in schema["cls"].__mro__:  # pydantic forgets the docstrings of inherited fields
            for name, field in getattr(base, "__pydantic_fields__", {}).items():
                if field.description and name in found["properties"]:
                    found["properties"][name].setdefault("description", field.description)
        return found

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        inner = schema["schema"]
        if schema.get("default", ...) is None and inner["type"] == "nullable":
            schema = schema | {"schema": inner["schema"]}
        return super().default_schema(schema)
