"""Settings: the one declaration of each, from which everything else about it comes.

A settings class is a frozen dataclass. A field's type says what is allowed (`Count`, `Share`, a
`Literal`, …), its default what holds where nothing is said, and the docstring below it what it
means. The configuration's schema, its reference in config/README.md and the scripts' options are
made of these; a value that is not allowed is refused wherever an instance is made.
"""

from __future__ import annotations

from functools import wraps
from typing import Annotated, Any, dataclass_transform

from annotated_types import Ge, Gt, Lt
from pydantic import ConfigDict, Strict, ValidationError
from pydantic.dataclasses import dataclass

Count = Annotated[int, Strict(), Ge(1)]
"""A whole number of at least 1."""
Natural = Annotated[int, Strict(), Ge(0)]
"""A whole number of at least 0."""
Positive = Annotated[float, Strict(), Gt(0)]
"""A finite number above 0."""
NonNegative = Annotated[float, Strict(), Ge(0)]
"""A finite number of at least 0."""
Share = Annotated[float, Strict(), Ge(0), Lt(1)]
"""A finite number in [0, 1)."""
Flag = Annotated[bool, Strict()]
"""True or false."""


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
            raise ValueError(said(error)) from None

    made.__init__ = init
    return made


def said(error: ValidationError) -> str:
    """Return in one line which values of a settings class are not allowed, and why."""
    faults = (
        f"{error.title}.{'.'.join(map(str, fault['loc']))} is {fault['input']!r}: "
        f"{fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors()
    )
    return "; ".join(faults)
