"""What the tools of the Correct panel propose; knows no Qt and no layers."""

from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

import medseg
from napari_medseg.correct.choice import TRAITS, Choice, Combine, Tool

Point = tuple[float, float, float]
_RANGE_PERCENTILES = (2.0, 98.0)
_MOST_FOR_RANGE = 1_000_000
_DEVIATIONS = 2.5
_NEIGHBOURS = 2  # voxels to each side of a seed
_c = medseg.classical


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """What is to be done to a structure in a box.

    Attributes:
        choice: Structure, tool and settings.
        labels: The label map in the box.
        scan: The scan in the box; None where the tool needs none.
        seeds_ras_mm: Where to start from.
        largest_label: That any voxel has, outside the box too.
    """

    choice: Choice
    labels: medseg.Segmentation
    scan: medseg.Volume | None = None
    seeds_ras_mm: tuple[Point, ...] = ()
    largest_label: int = 0

    @property
    def title(self) -> str:
        """What is done, for lists and provenance."""
        return f"{self.choice.tool.value.lower()} on {self.choice.structure}"


def proposed(task: Task) -> medseg.Segmentation:
    """The label map of the box as it would be; only split adds structures.

    Raises:
        MedSegError: When the tool cannot work with what it is given.
    """
    labels, name, settings = task.labels, task.choice.structure, task.choice.settings
    match task.choice.tool:
        case Tool.EDGES:
            result = _c.active_contour(_scan(task), labels, name, settings)
        case Tool.SMOOTH:
            result = _c.smooth(labels, name, settings)
        case Tool.HOLES:
            result = _c.fill_holes(labels, name, settings)
        case Tool.LARGEST:
            result = _c.keep_largest(labels, name, settings)
        case Tool.CUT:
            result = _c.cut_touching(labels, name, settings)
        case Tool.SPLIT:
            result = _split(task)
        case _:
            result = _combined(task, _region(task))
    return result


def range_within(
    labels: np.ndarray, scan: np.ndarray, id_: int
) -> tuple[float, float] | None:
    """Lower and upper intensity that hold nearly all of a structure.

    None where there is none.

    Args:
        labels: Label map.
        scan: Intensities of the same voxels.
        id_: Label of the structure.
    """
    values = scan[labels == id_]
    if values.size == 0:
        return None
    few = values[:: values.size // _MOST_FOR_RANGE + 1]
    low, high = np.percentile(few, _RANGE_PERCENTILES)
    return round(float(low), 2), round(float(high), 2)


def range_at(array: np.ndarray, index: tuple[int, ...]) -> tuple[float, float]:
    """Lower and upper intensity of what is like the voxels round a seed."""
    near = array[
        tuple(slice(max(0, i - _NEIGHBOURS), i + _NEIGHBOURS + 1) for i in index)
    ]
    middle, spread = float(np.median(near)), float(near.std())
    reach = max(_DEVIATIONS * spread, 0.01 * float(np.ptp(near)), 1e-6)
    return round(middle - reach, 2), round(middle + reach, 2)


def _region(task: Task) -> np.ndarray:
    """Where the tool has found something in the scan."""
    traits = TRAITS[task.choice.tool]
    if traits.has_classes:
        return _class(task)
    return _from_seeds(task) if traits.needs_seed else _everywhere(task)


def _class(task: Task) -> np.ndarray:
    """The class that is wanted."""
    scan, settings, wanted = _scan(task), task.choice.settings, task.choice.class_number
    mask: np.ndarray
    match task.choice.tool:
        case Tool.OTSU:
            mask = _c.otsu(scan, settings).array + 1 == wanted
        case Tool.KMEANS:
            mask = _c.kmeans(scan, settings).array == wanted
        case Tool.MIXTURE:
            mask = _c.gaussian_mixture(scan, settings).array == wanted
        case _:
            raise ValueError(f"{task.choice.tool} finds no classes")
    return mask


def _from_seeds(task: Task) -> np.ndarray:
    """What grows from the seeds, or the pieces that they lie in."""
    scan, settings, seeds = _scan(task), task.choice.settings, task.seeds_ras_mm
    mask: np.ndarray
    match task.choice.tool:
        case Tool.GROW:
            mask = _c.grow(scan, seeds, settings).array > 0
        case Tool.LIKENESS:
            mask = _c.grow_by_confidence(scan, seeds, settings).array > 0
        case Tool.PIECES:
            mask = _c.pieces_at(_c.supervoxels(scan, settings), seeds)
        case Tool.BASINS:
            mask = _c.pieces_at(_c.watershed(scan, settings), seeds)
        case _:
            raise ValueError(f"{task.choice.tool} starts from no seed")
    return mask


def _everywhere(task: Task) -> np.ndarray:
    """What there is in the scan, wherever it is."""
    scan, settings = _scan(task), task.choice.settings
    mask: np.ndarray
    match task.choice.tool:
        case Tool.THRESHOLD:
            mask = _c.threshold(scan, settings).array > 0
        case Tool.HYSTERESIS:
            mask = _c.hysteresis(scan, settings).array > 0
        case Tool.MARKERS:
            mask = _flooded(task)
        case Tool.CANNY:
            mask = _c.canny(scan, settings).array > 0
        case Tool.GRADIENT:
            mask = _c.gradient_edges(scan, settings).array > 0
        case Tool.BODY:
            mask = _c.body_mask(scan, settings).array > 0
        case Tool.LUNGS:
            mask = _c.lung_mask(scan, settings).array > 0
        case _:
            raise ValueError(f"{task.choice.tool} finds no region")
    return mask


def _flooded(task: Task) -> np.ndarray:
    """What is flooded from the structure, with all others as further markers."""
    id_ = task.labels.labels[task.choice.structure].id
    there = set(medseg.voxels_of_labels(task.labels.array))
    if id_ not in there or len(there) < 2:
        raise medseg.WrongUse(
            medseg.ErrorCode.INVALID_OPTION,
            "two structures with voxels are needed, this one among them",
            where=task.choice.tool.value,
            remedy="Paint a few voxels of it, and of its surroundings as another.",
        )
    settings = task.choice.settings
    found = _c.watershed_from_markers(_scan(task), task.labels, settings)
    mask: np.ndarray = found.array == id_
    return mask


def _combined(task: Task, region: np.ndarray) -> medseg.Segmentation:
    id_ = task.labels.labels[task.choice.structure].id
    array = task.labels.array.copy()
    own = array == id_
    match task.choice.combine:
        case Combine.ADD:
            kept, gained = own, region
        case Combine.REPLACE:
            kept, gained = own & region, region
        case Combine.REMOVE:
            kept, gained = own & ~region, np.zeros_like(own)
        case Combine.WITHIN:
            kept, gained = own & region, np.zeros_like(own)
        case _:
            assert_never(task.choice.combine)
    array[own & ~kept] = 0
    array[gained & (array == 0) if task.choice.keeps_others else gained] = id_
    return replace(task.labels, array=array)


def _split(task: Task) -> medseg.Segmentation:
    """The largest blob keeps the structure's label, the others get new ones."""
    blobs = _c.split_touching(task.labels, task.choice.structure, task.choice.settings)
    before = task.labels.labels
    old = before[task.choice.structure]
    first = max(*before.ids, task.largest_label) + 1
    new = medseg.LabelSet.from_names(
        (first + n, name)
        for n, name in enumerate(
            _free_names(task.choice.structure, len(blobs.labels), before)
        )
    )
    target = np.array([0, old.id, *new.ids], np.uint16)
    array = task.labels.array.astype(np.uint16)
    inside = blobs.array > 0
    array[inside] = target[blobs.array[inside]]
    same_kind = (replace(structure, kind=old.kind) for structure in new)
    labels = medseg.LabelSet((*before.structures, *same_kind))
    return replace(task.labels, array=array, labels=labels)


def _free_names(name: str, blobs: int, taken: medseg.LabelSet) -> list[str]:
    """Names for all blobs but the first."""
    names: list[str] = []
    number = 1
    while len(names) < blobs - 1:
        number += 1
        if f"{name} {number}" not in taken:
            names.append(f"{name} {number}")
    return names


def _scan(task: Task) -> medseg.Volume:
    if task.scan is None:
        raise medseg.WrongUse(
            medseg.ErrorCode.INVALID_OPTION,
            "the tool looks at a scan",
            where=task.choice.tool.value,
            remedy="Choose the scan.",
        )
    return task.scan
