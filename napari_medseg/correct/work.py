"""The work of the Correct panel that runs in another thread; knows no Qt."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from napari.layers import Image, Labels

import medseg
from napari_medseg.correct.choice import Choice, Tool
from napari_medseg.correct.history import Edit, edit_between
from napari_medseg.correct.place import Place
from napari_medseg.correct.preview import ADDED, REMOVED
from napari_medseg.correct.tools import Task, proposed, range_within

Report = Callable[[medseg.Progress], object]
_LEAST_ML = 0.1  # less is told in voxels
_LARGE = 10.0  # times the structure: more is hardly meant


@dataclass(frozen=True, eq=False, kw_only=True)
class Request:
    """What is asked for.

    Attributes:
        place: Where.
        choice: Tool and settings.
        names: The structures there are.
        scan: Layer of the scan, of the same voxels; None where the tool needs none.
        seeds_ras_mm: Where to start from.
    """

    place: Place
    choice: Choice
    names: medseg.LabelSet
    scan: Image | None = None
    seeds_ras_mm: tuple[tuple[float, float, float], ...] = ()

    def task(self) -> Task:
        """The same with what the layers hold now; for another thread."""
        place, largest = self.place, 0
        if self.choice.tool is Tool.SPLIT:  # whose new labels no other part may use
            largest = int(np.asarray(place.layer.data).max(initial=0))
        return Task(
            choice=self.choice,
            labels=place.labels(self.names),
            scan=None if self.scan is None else place.scan(self.scan),
            seeds_ras_mm=self.seeds_ras_mm,
            largest_label=largest,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Proposal:
    """A correction that can be shown, and applied.

    Attributes:
        place: The box round what would change.
        words: What would change, in a line.
        edit: What would change; None where nothing would.
        difference: `ADDED` and `REMOVED` in the box.
    """

    place: Place
    words: str
    edit: Edit | None
    difference: np.ndarray


def propose(request: Request, report: Report) -> Proposal:
    """Compute a correction.

    Args:
        request: What is asked for.
        report: Told before and after; may raise `Cancelled`.

    Raises:
        Cancelled: When `report` raises it.
        MedSegError: When the tool cannot work with what it is given.
    """
    place, task = request.place, request.task()
    report(medseg.Progress(stage=task.title, done=0, total=1))
    result = proposed(task)
    report(medseg.Progress(stage=task.title, done=1, total=1))
    edit = edit_between(task.title, task.labels.array, result.array, place.start)
    if edit is None:
        return Proposal(
            place=place,
            words="Nothing would change.",
            edit=None,
            difference=np.zeros((0, 0, 0), np.uint8),
        )
    inner = _within(edit, place)
    was, is_ = task.labels.array[inner], result.array[inner]
    names = task.labels.labels
    id_ = names[task.choice.structure].id
    difference = np.zeros(was.shape, np.uint8)
    difference[(is_ == id_) & (was != id_)] = ADDED
    difference[(was == id_) & (is_ != id_)] = REMOVED
    inner_place = replace(place, slices=edit.slices)
    new = tuple(each for each in result.labels if each.id not in names.ids)
    if new:
        words, warning = counted(len(new), "new structure"), ""
    else:
        words = _words(difference, inner_place)
        warning = _warning(difference, place.layer, id_)
    return Proposal(
        place=inner_place,
        words=f"{task.choice.structure}: {words}.{warning}",
        edit=replace(edit, added=new),
        difference=difference,
    )


def range_of_structure(
    layer: Labels, scan: Image, id_: int, _report: Report
) -> tuple[float, float] | None:
    """The range of intensities of a structure; None where it is empty."""
    return range_within(np.asarray(layer.data), np.asarray(scan.data), id_)


def _words(difference: np.ndarray, place: Place) -> str:
    """How much is added and removed, and in which axial slices, as napari counts."""
    parts = []
    for verb, kind in (("adds", ADDED), ("removes", REMOVED)):
        by_slice = np.count_nonzero(difference == kind, axis=(1, 2))
        slices = np.flatnonzero(by_slice) + place.start[0]
        if len(slices):
            amount = _amount(int(by_slice.sum()), place.geometry.voxel_volume_ml)
            parts.append(f"{verb} {amount} in {_range(slices[0], slices[-1])}")
    return ", ".join(parts) or "nothing more or less"


def _amount(voxels: int, voxel_ml: float) -> str:
    volume_ml = voxels * voxel_ml
    is_small = volume_ml < _LEAST_ML
    return counted(voxels, "voxel") if is_small else f"{volume_ml:.1f} ml"


def _range(first: int, last: int) -> str:
    return f"axial slice {first}" if first == last else f"axial slices {first}-{last}"


def _warning(difference: np.ndarray, layer: Labels, id_: int) -> str:
    """A word where a structure would become another thing; empty where not."""
    before = np.count_nonzero(np.asarray(layer.data) == id_)
    factor = np.count_nonzero(difference) / before if before else 0.0
    return (
        f" Mind: that is {factor:.0f} times the structure." if factor > _LARGE else ""
    )


def counted(number: int, noun: str) -> str:
    """Say "1 voxel", "2 voxels"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def gained_ml(
    before: np.ndarray, after: np.ndarray, voxel_ml: float
) -> dict[int, float]:
    """By how much the volume of each label has changed."""
    gain = Counter(medseg.voxels_of_labels(after))
    gain.subtract(medseg.voxels_of_labels(before))
    return {label: voxels * voxel_ml for label, voxels in gain.items() if voxels}


def _within(edit: Edit, place: Place) -> tuple[slice, slice, slice]:
    """The edit's box as an index into the place's box."""
    i, j, k = (
        slice(s.start - first, s.stop - first)
        for s, first in zip(edit.slices, place.start, strict=True)
    )
    return i, j, k
