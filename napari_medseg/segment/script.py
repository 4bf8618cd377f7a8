"""The same work as a script: what "Copy as Python" puts on the clipboard."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import medseg
from napari_medseg.layers.conversion import Origin
from napari_medseg.layers.regions import Box
from napari_medseg.layers.scripts import ModelRun, arguments, read_scan
from napari_medseg.segment.work import SegmentChoice

_DEFAULTS = medseg.InferenceSettings()


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
    run = run_of(choice, scan)
    lines = [
        *(("import numpy as np", "") if run.has_region else ()),
        "import medseg",
        "",
        *run.lines,
        *(_with_maps(scan.box) if choice.uncertainty else _plainly(scan.box)),
    ]
    return "\n".join(lines) + "\n"


def run_of(choice: SegmentChoice, scan: ScriptedScan) -> ModelRun:
    """What such a script has before it segments."""
    settings = arguments(choice.settings, _DEFAULTS)
    lines = (
        f"scan = {_reading(scan.origins)}",
        f"model = medseg.load_model({choice.model!r})",
        f"settings = medseg.InferenceSettings({settings})",
        *_region(scan.box),
    )
    return ModelRun(lines=lines, has_region=scan.box is not None)


def _reading(origins: Mapping[str, Origin | None]) -> str:
    reads = {channel: read_scan(origin) for channel, origin in origins.items()}
    if len(reads) == 1:
        return next(iter(reads.values()))
    rows = "".join(f"    {channel!r}: {read},\n" for channel, read in reads.items())
    return f"medseg.stack_channels({{\n{rows}}})"


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


def _plainly(box: Box | None) -> Iterator[str]:
    region = "" if box is None else ", region=region"
    arguments = f"scan, model, settings, on_progress=print{region}"
    yield f"result = medseg.segment({arguments})"
    yield 'medseg.write_segmentation(result, "labels.nii.gz")'


def _with_maps(box: Box | None) -> Iterator[str]:
    """Maps of uncertainty go to a file beside the labels."""
    region = "" if box is None else ", region=region"
    yield "wanted = medseg.Wanted(uncertainty=True, mirror_variance=True)"
    yield f"request = medseg.Request(wanted=wanted{region})"
    yield "result = medseg.predict(scan, model, settings, print, request)"
    yield "maps, structures = result.uncertainty, result.structures"
    yield "shares = medseg.Shares(uncertainty=maps, structures=structures)"
    yield "labels = result.segmentation"
    yield 'medseg.write_segmentation(labels, "labels.nii.gz", shares=shares)'
