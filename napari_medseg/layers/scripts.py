"""Words of the scripts that "Copy as Python" puts on the clipboard."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from napari.layers import Layer

import medseg
from napari_medseg.layers.conversion import Origin, record_of

_UNKNOWN_SCAN = "PATH OF THE SCAN"


@dataclass(frozen=True, kw_only=True)
class ModelRun:
    """How a model was run over a scan, as lines of a script.

    Attributes:
        lines: They give `scan`, `model`, `settings` and, where it has one, `region`,
            and need `np` for the last.
        has_region: Whether it looked at a part of the scan only.
    """

    lines: tuple[str, ...]
    has_region: bool = False


def origin_of(layer: Layer) -> Origin | None:
    """Where a layer was read from; None where it was not."""
    record = record_of(layer)
    return None if record is None else record.origin


def read_scan(origin: Origin | None) -> str:
    """Reading a scan; its path is left to fill in where it is not known."""
    if origin is None:
        return f"medseg.read_volume({_UNKNOWN_SCAN!r})"
    series = f", series={origin.series_uid!r}" if origin.series_uid else ""
    return f"medseg.read_volume({str(origin.path)!r}{series})"


def path_of(origin: Origin | None, what: str) -> str:
    """A path as a literal, or what is to be filled in for it.

    Args:
        origin: Where a layer was read from; None where it was not, or was edited since.
        what: What is in the file, for those who fill it in.
    """
    return repr(f"PATH OF {what.upper()}" if origin is None else str(origin.path))


def read_labels(origin: Origin | None, what: str) -> str:
    """Reading a label map."""
    return f"medseg.read_segmentation({path_of(origin, what)})"


def arguments(settings: Any, defaults: Any) -> str:
    """Settings as arguments, those left out that are the default's."""
    return ", ".join(_changed(settings, defaults))


def _changed(settings: Any, defaults: Any) -> Iterator[str]:
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value != getattr(defaults, field.name):
            yield f"{field.name}={_literal(value)}"


def _literal(value: object) -> str:
    if isinstance(value, Enum):
        return f"medseg.{type(value).__name__}.{value.name}"
    if isinstance(value, medseg.Device):
        return f"medseg.Device({str(value)!r})"
    return repr(value)
