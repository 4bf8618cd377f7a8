"""Arguments of a MONAI bundle's transforms, checked one by one."""

from collections.abc import Collection
from typing import Any

from medseg.models.foreign.bundle_config import Component

_ALWAYS_ALLOWED = {
    *("keys", "allow_missing_keys", "meta_keys", "meta_key_postfix", "dtype", "lazy"),
    *("image_only", "overwrite"),
}


def dictionary_name(component: Component) -> str:
    """A transform's name without what marks MONAI's forms for dictionaries."""
    name = component.target
    for ending in ("Dict", "D", "d"):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


def require_arguments(
    component: Component, known: Collection[str], defaults: dict[str, Any]
) -> None:
    """Refuse arguments that are neither known nor at their default.

    Args:
        component: The transform.
        known: Arguments that are understood.
        defaults: Values of others with which they have no effect.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL.
    """
    for name in component.argument_names:
        if name in known or name in _ALWAYS_ALLOWED:
            continue
        value = component.value(name, default=None)
        if name not in defaults or value != defaults[name]:
            raise component.refusal(f"{name} = {value!r} is not supported")


def flag(component: Component, name: str, *, default: bool = False) -> bool:
    """An argument that is true or false, as a text, too.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL.
    """
    value = component.value(name, default=default)
    if value is None:
        return default
    known = {"True": True, "False": False, True: True, False: False}
    if not isinstance(value, bool | str) or value not in known:
        raise component.refusal(f"{name} = {value!r} is neither true nor false")
    return known[value]


def number(component: Component, name: str, default: float | None = None) -> float:
    """An argument that is a number.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL.
    """
    value = component.value(name, default=default)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise component.refusal(f"{name} = {value!r} is no number")
    return float(value)
