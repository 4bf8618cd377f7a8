"""A correction as a script: what "Copy as Python" puts on the clipboard."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from napari_medseg.correct.choice import TRAITS, Choice, Combine, Tool
from napari_medseg.layers.conversion import Origin
from napari_medseg.layers.placement import Placement
from napari_medseg.layers.regions import Box
from napari_medseg.layers.scripts import arguments, read_labels, read_scan

_ON_STRUCTURE = {
    Tool.EDGES: "active_contour",
    Tool.SMOOTH: "smooth",
    Tool.HOLES: "fill_holes",
    Tool.LARGEST: "keep_largest",
    Tool.CUT: "cut_touching",
    Tool.SPLIT: "split_touching",
}


@dataclass(frozen=True, kw_only=True)
class ScriptedScan:
    """The scan that a tool looks at.

    Attributes:
        origin: Where it was read from.
        channel: Name of the channel; empty for the only one.
        placement: How it is shown.
    """

    origin: Origin | None
    channel: str
    placement: Placement


@dataclass(frozen=True, eq=False, kw_only=True)
class ScriptedEdit:
    """What a script needs to know.

    Attributes:
        choice: Tool and settings.
        label: Of the structure.
        labels: Where the label map was read from.
        placement: How the label map is shown.
        scan: For a tool that looks at one.
        box: Voxels of the label map as it was read; None for all of them.
        seeds_ras_mm: Where to start from.
    """

    choice: Choice
    label: int
    labels: Origin | None
    placement: Placement
    scan: ScriptedScan | None = None
    box: Box | None = None
    seeds_ras_mm: tuple[tuple[float, float, float], ...] = ()


def script_of(edit: ScriptedEdit) -> str:
    """A script that makes the correction to the files the layers were read from."""
    choice = edit.choice
    kind = TRAITS[choice.tool].settings
    lines = [
        "from dataclasses import replace",
        "",
        "import numpy as np",
        "",
        "import medseg",
        "",
        f"labels = {read_labels(edit.labels, 'the labels')}",
        *_box(edit.box),
        "grid = labels.geometry.cropped(start, shape)",
        "part = replace(labels, array=labels.array[box], geometry=grid)",
        *(() if edit.scan is None else _scan(edit.scan, edit.placement)),
        f"settings = medseg.classical.{kind.__name__}("
        f"{arguments(choice.settings, kind())})",
        *(_region(edit) if TRAITS[choice.tool].finds_region else _change(edit)),
        "changed = labels.array.astype(array.dtype)",
        "changed[box] = array",
        "result = replace(labels, array=changed, labels=names)",
        'medseg.write_segmentation(result, "corrected.nii.gz")',
    ]
    return "\n".join(lines) + "\n"


def _box(box: Box | None) -> Iterator[str]:
    if box is None:
        yield "start, shape = (0, 0, 0), labels.geometry.shape"
        yield "box = np.s_[:, :, :]"
        return
    size = tuple(b - a for a, b in zip(box.first, box.stop, strict=True))
    where = ", ".join(f"{side.start}:{side.stop}" for side in box.slices)
    yield f"start, shape = {box.first}, {size}"
    yield f"box = np.s_[{where}]"


def _scan(scan: ScriptedScan, labels: Placement) -> Iterator[str]:
    """The part of the scan in the box, its voxels in the order of the label map."""
    yield f"volume = {read_scan(scan.origin)}"
    number = f"volume.channels.index({scan.channel!r})" if scan.channel else "0"
    yield f"channel = {number}"
    yield "voxels = volume.array[channel]"
    axes, flipped = _turn(scan.placement, labels)
    if axes != (0, 1, 2):
        yield f"voxels = voxels.transpose({axes})"
    if flipped:
        yield f"voxels = np.flip(voxels, {flipped})"
    yield "scan = medseg.Volume("
    yield "    array=voxels[box][np.newaxis],"
    yield "    geometry=grid,"
    yield "    channels=volume.channels[channel : channel + 1],"
    yield ")"


def _turn(
    scan: Placement, labels: Placement
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Axes of a scan in the order of a label map, and which of them then to flip."""
    axes = np.array(scan.axes)[np.argsort(labels.axes)]
    differs = np.array(scan.flipped) != np.array(labels.flipped)
    flipped = np.flatnonzero(differs[np.argsort(labels.axes)])
    return tuple(axes.tolist()), tuple(flipped.tolist())


def _region(edit: ScriptedEdit) -> Iterator[str]:
    choice = edit.choice
    yield f"found = medseg.classical.{_found(edit)}"
    yield f"own = part.array == {edit.label}"
    match choice.combine:
        case Combine.ADD:
            kept, gained = "own", "found"
        case Combine.REPLACE:
            kept, gained = "own & found", "found"
        case Combine.REMOVE:
            kept, gained = "own & ~found", ""
        case Combine.WITHIN:
            kept, gained = "own & found", ""
        case _:
            assert_never(choice.combine)
    yield "array = part.array.copy()"
    yield f"array[own & ~({kept})] = 0"
    if gained:
        free = " & (array == 0)" if choice.keeps_others else ""
        yield f"array[{gained}{free}] = {edit.label}"
    yield "names = labels.labels"


def _found(edit: ScriptedEdit) -> str:
    number, seeds = edit.choice.class_number, list(edit.seeds_ras_mm)
    pieces, basins = (
        f"medseg.classical.{method}(scan, settings)"
        for method in ("supervoxels", "watershed")
    )
    calls = {
        Tool.THRESHOLD: "threshold(scan, settings).array > 0",
        Tool.HYSTERESIS: "hysteresis(scan, settings).array > 0",
        Tool.OTSU: f"otsu(scan, settings).array + 1 == {number}",
        Tool.GROW: f"grow(scan, {seeds}, settings).array > 0",
        Tool.LIKENESS: f"grow_by_confidence(scan, {seeds}, settings).array > 0",
        Tool.KMEANS: f"kmeans(scan, settings).array == {number}",
        Tool.MIXTURE: f"gaussian_mixture(scan, settings).array == {number}",
        Tool.PIECES: f"pieces_at({pieces}, {seeds})",
        Tool.BASINS: f"pieces_at({basins}, {seeds})",
        Tool.MARKERS: "watershed_from_markers(scan, part, settings).array"
        f" == {edit.label}",
        Tool.CANNY: "canny(scan, settings).array > 0",
        Tool.GRADIENT: "gradient_edges(scan, settings).array > 0",
        Tool.BODY: "body_mask(scan, settings).array > 0",
        Tool.LUNGS: "lung_mask(scan, settings).array > 0",
    }
    return calls[edit.choice.tool]


def _change(edit: ScriptedEdit) -> Iterator[str]:
    choice = edit.choice
    scan = "scan, " if edit.scan is not None else ""
    call = f"{_ON_STRUCTURE[choice.tool]}({scan}part, {choice.structure!r}, settings)"
    if choice.tool is not Tool.SPLIT:
        yield f"array = medseg.classical.{call}.array"
        yield "names = labels.labels"
        return
    yield f"blobs = medseg.classical.{call}"
    yield f"old = labels.labels[{choice.structure!r}]"
    yield "first, count = max(labels.labels.ids) + 1, len(blobs.labels) - 1"
    yield "numbers = range(first, first + count)"
    yield "new = medseg.LabelSet.from_names("
    yield '    (number, f"{old.name} {n}") for n, number in enumerate(numbers, start=2)'
    yield ")"
    yield "target = np.array([0, old.id, *numbers], np.uint16)[blobs.array]"
    yield "array = np.where(target > 0, target, part.array)"
    yield "names = medseg.LabelSet((*labels.labels, *new))"
