"""Functions and classes that a configuration names."""

from importlib import import_module
from typing import Any


def function(name: str, form: str = "module:function") -> Any:
    """Return what module:function names, or what another form, as module:Class, does.

    Raises:
        ValueError: there is nothing of that name.
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        what = form.partition(":")[2].lower()
        raise ValueError(f"no {what} {name!r} ({error}): expected {form}") from error
