"""The work of the Correct panel that runs in another thread; knows no Qt."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from napari.layers import Image

import medseg
from napari_medseg.correct.choice import Choice, Tool
from napari_medseg.correct.history import Edit, edit_between
from napari_medseg.correct.place import Place
from napari_medseg.correct.preview import ADDED, REMOVED
from napari_medseg.correct.tools import Task, proposed

Report = Callable[[medseg.Progress], object]


@dataclass(frozen=True, eq=False, kw_only=True)
class Request:
    """What is asked for.

    Attributes:
        place: Where.
        choice: Tool and settings.
        names: The structures there are.
        scan: Layer of the scan, of the same voxels; None where the tool needs none.
        seeds_ras_mm: Where to grow from.
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
        labels: All structures, where there are new ones; else None.
    """

    place: Place
    words: str
    edit: Edit | None
    difference: np.ndarray
    labels: medseg.LabelSet | None = None


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
    return Proposal(
        place=replace(place, slices=edit.slices),
        words=f"{task.choice.structure}: {_change_in_words(task, result, difference)}.",
        edit=edit,
        difference=difference,
        labels=result.labels if len(result.labels) > len(names) else None,
    )


def _change_in_words(
    task: Task, result: medseg.Segmentation, difference: np.ndarray
) -> str:
    new = len(result.labels) - len(task.labels.labels)
    if new:
        return f"{new} new structure{'s' if new > 1 else ''}"
    more, less = (
        np.count_nonzero(difference == kind) * result.geometry.voxel_volume_ml
        for kind in (ADDED, REMOVED)
    )
    return f"{more:.2f} ml more, {less:.2f} ml less"


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
