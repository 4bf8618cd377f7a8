"""Arguments of a MONAI bundle's transforms, checked one by one."""

import re
from collections.abc import Collection
from typing import Any

import numpy as np

from medseg.models.foreign.bundle_config import Component

_ALWAYS_ALLOWED = {
    *("keys", "allow_missing_keys", "meta_keys", "meta_key_postfix"),
    *("image_only", "overwrite"),
}
_FLOATS = re.compile(r"\$?((torch|np|numpy)\.)?(float(32|64)?|double)")
_COMMON_KEY = re.compile(r"\$(?:monai\.utils\.)?CommonKeys\.([A-Z]+)")
_SAME = (None, "$lambda x: x")
_LARGEST = float(np.finfo(np.float32).max)


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
        if name == "dtype" and _is_float(component):
            continue
        value = _value(component, name)
        if name == "lazy" and value in (None, False):
            continue
        if name not in defaults or value != defaults[name]:
            raise component.refusal(f"{name} = {value!r} is not supported")


def require_key(component: Component, key: str) -> None:
    """Refuse a transform that leaves the image or the prediction as it is.

    Args:
        component: The transform.
        key: "image" or "pred".

    Raises:
        UnusableInput: UNSUPPORTED_MODEL.
    """
    given = component.raw.get("keys")
    named = given if isinstance(given, list) else [given]
    if key not in [_key(component, each) for each in named]:
        raise component.refusal(f"keys = {given!r} do not name the {key}")


def require_inversion(component: Component) -> None:
    """Refuse an `Invertd` that undoes something else than the preprocessing.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL.
    """
    known = {"transform", "orig_keys", "nearest_interp", "to_tensor", "device"}
    known |= {"orig_meta_keys", "post_func"}
    require_arguments(component, known, {})
    if component.raw.get("post_func") not in _SAME:
        raise component.refusal("post_func is not supported")
    if component.text("transform").lstrip("$") != "@preprocessing":
        raise component.refusal("only @preprocessing is supported as transform")
    original = component.raw.get("orig_keys", "image")
    named = original if isinstance(original, list) else [original]
    if [_key(component, each) for each in named] != ["image"]:
        raise component.refusal(f"orig_keys = {original!r} is not the image")


def _value(component: Component, name: str) -> Any:
    """As a plain one where it is; an expression is never a default."""
    text = component.text(name)
    return text if text.startswith("$") else component.value(name, default=None)


def _key(component: Component, raw: object) -> object:
    """MONAI's `CommonKeys` as what they stand for; no expression is evaluated."""
    root = component.config.root
    if isinstance(raw, str) and raw.startswith("@") and raw[1:] in root:
        raw = root[raw[1:]]
    match = _COMMON_KEY.fullmatch(raw) if isinstance(raw, str) else None
    return match[1].lower() if match else raw


def _is_float(component: Component) -> bool:
    raw = component.raw["dtype"]
    return raw is None or (isinstance(raw, str) and bool(_FLOATS.fullmatch(raw)))


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
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= _LARGEST:
        raise component.refusal(f"{name} = {str(value)[:40]} is no number")
    return float(value)
