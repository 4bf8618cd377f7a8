"""The same work as a script: what "Copy as Python" puts on the clipboard."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum

import medseg
from napari_medseg.layers.conversion import Origin
from napari_medseg.layers.regions import Box
from napari_medseg.segment.work import SegmentChoice

_DEFAULTS = medseg.InferenceSettings()
_UNKNOWN = "PATH OF THE SCAN"


@dataclass(frozen=True, kw_only=True)
class ScriptedScan:
    """What a script needs to know of a scan.

    Attributes:
        origins: Name of each channel and where it was read from; None for a scan that
            was not read from a file.
        box: The part of it that is looked at; None for all of it.
    """

    origins: Mapping[str, Origin | None]
    box: Box | None = None


def script_of(choice: SegmentChoice, scan: ScriptedScan) -> str:
    """A script that segments the scan as the panel does and saves the result."""
    lines = [
        *(("import numpy as np", "") if scan.box else ()),
        "import medseg",
        "",
        f"scan = {_reading(scan.origins)}",
        f"model = medseg.load_model({choice.model!r})",
        f"settings = medseg.InferenceSettings({', '.join(_changed(choice.settings))})",
        *_region(scan.box),
        f"result = medseg.segment({_arguments(scan.box)})",
        'medseg.write_segmentation(result, "labels.nii.gz")',
    ]
    return "\n".join(lines) + "\n"


def _reading(origins: Mapping[str, Origin | None]) -> str:
    reads = {channel: _read(origin) for channel, origin in origins.items()}
    if len(reads) == 1:
        return next(iter(reads.values()))
    rows = "".join(f"    {channel!r}: {read},\n" for channel, read in reads.items())
    return f"medseg.stack_channels({{\n{rows}}})"


def _read(origin: Origin | None) -> str:
    if origin is None:
        return f"medseg.read_volume({_UNKNOWN!r})"
    series = f", series={origin.series_uid!r}" if origin.series_uid else ""
    return f"medseg.read_volume({str(origin.path)!r}{series})"


def _changed(settings: medseg.InferenceSettings) -> Iterator[str]:
    """Arguments that are not the default's."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value == getattr(_DEFAULTS, field.name):
            continue
        yield f"{field.name}={_literal(value)}"


def _literal(value: object) -> str:
    if isinstance(value, Enum):
        return f"medseg.{type(value).__name__}.{value.name}"
    if isinstance(value, medseg.Device):
        return f"medseg.Device({str(value)!r})"
    return repr(value)


def _region(box: Box | None) -> Iterator[str]:
    if box is None:
        return
    i, j, k = box.slices
    where = ", ".join(f"{side.start}:{side.stop}" for side in (i, j, k))
    yield "inside = np.zeros(scan.geometry.shape, np.uint8)"
    yield f"inside[{where}] = 1"
    yield 'names = medseg.LabelSet.from_names([(1, "region")])'
    yield "region = medseg.Segmentation("
    yield "    array=inside, geometry=scan.geometry, labels=names"
    yield ")"


def _arguments(box: Box | None) -> str:
    region = "" if box is None else ", region=region"
    return f"scan, model, settings, on_progress=print{region}"
