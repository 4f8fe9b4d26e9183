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


def env_spec(env_id: str) -> Any:
    """Return what Gymnasium knows of an id; the module that it names is imported first.

    Raises:
        ImportError: the module cannot be imported.
        ValueError: nothing of that name is registered.
    """
    import gymnasium

    from fist.stage.files import reason

    module, _, name = env_id.rpartition(":")
    if module:
        import_module(module)
    try:
        return gymnasium.spec(name)
    except gymnasium.error.Error as error:
        raise ValueError(f"no environment {env_id!r:.99}: {reason(error)}") from None
