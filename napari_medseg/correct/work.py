"""The work of the Correct panel that runs in another thread; knows no Qt."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

import medseg
from napari_medseg.correct.choice import Choice
from napari_medseg.correct.history import Edit, edit_between
from napari_medseg.correct.layers import ADDED, REMOVED, Place
from napari_medseg.correct.tools import Task, proposed

Report = Callable[[medseg.Progress], object]


@dataclass(frozen=True, eq=False, kw_only=True)
class Request:
    """What is asked for.

    Attributes:
        place: Where.
        choice: Tool and settings.
        names: The structures there are.
        scan: The scan in the box; None where the tool needs none.
        seeds_ras_mm: Where to grow from.
    """

    place: Place
    choice: Choice
    names: medseg.LabelSet
    scan: medseg.Volume | None = None
    seeds_ras_mm: tuple[tuple[float, float, float], ...] = ()

    def task(self) -> Task:
        """The same with the labels of the box as they are now."""
        return Task(
            choice=self.choice,
            labels=self.place.labels(self.names),
            scan=self.scan,
            seeds_ras_mm=self.seeds_ras_mm,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Proposal:
    """A correction that can be shown, and applied.

    Attributes:
        place: Where it was computed.
        task: What was asked for.
        edit: What would change; None where nothing would.
        after: The labels in the edit's box as they would be.
        difference: `ADDED` and `REMOVED` in the edit's box.
        labels: All structures, new ones included.
        gain_ml: Change of volume of each label.
        more_ml: What the structure would gain.
        less_ml: What it would lose.
    """

    place: Place
    task: Task
    edit: Edit | None
    after: np.ndarray
    difference: np.ndarray
    labels: medseg.LabelSet
    gain_ml: dict[int, float]
    more_ml: float = 0.0
    less_ml: float = 0.0

    @property
    def words(self) -> str:
        """What would change, in a line."""
        if self.edit is None:
            return "Nothing would change."
        new = len(self.labels) - len(self.task.labels.labels)
        if new:
            return f"{self.task.choice.structure}: {new} new structures."
        more, less = self.more_ml, self.less_ml
        return f"{self.task.choice.structure}: {more:.2f} ml more, {less:.2f} ml less."


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
    before, after = task.labels.array, result.array
    report(medseg.Progress(stage=task.title, done=1, total=1))
    edit = edit_between(task.title, before, after, place.start)
    if edit is None:
        empty = np.zeros((0, 0, 0), np.uint8)
        return Proposal(
            place=place,
            task=task,
            edit=None,
            after=empty,
            difference=empty,
            labels=result.labels,
            gain_ml={},
        )
    inner = _within(edit, place)
    voxel_ml = place.shown.voxel_volume_ml
    was, is_ = before[inner], after[inner]
    id_ = task.labels.labels[task.choice.structure].id
    difference = np.zeros(was.shape, np.uint8)
    difference[(is_ == id_) & (was != id_)] = ADDED
    difference[(was == id_) & (is_ != id_)] = REMOVED
    return Proposal(
        place=replace(place, slices=edit.slices),
        task=task,
        edit=edit,
        after=is_.copy(),
        difference=difference,
        labels=result.labels,
        gain_ml=gained_ml(was, is_, voxel_ml),
        more_ml=float(np.count_nonzero(difference == ADDED)) * voxel_ml,
        less_ml=float(np.count_nonzero(difference == REMOVED)) * voxel_ml,
    )


def gained_ml(
    before: np.ndarray, after: np.ndarray, voxel_ml: float
) -> dict[int, float]:
    """By how much the volume of each label has changed."""
    most = int(max(before.max(initial=0), after.max(initial=0))) + 1
    gain = np.bincount(after.ravel(), minlength=most)
    gain = gain - np.bincount(before.ravel(), minlength=most)
    return {
        int(label): float(gain[label] * voxel_ml)
        for label in np.flatnonzero(gain)
        if label
    }


def _within(edit: Edit, place: Place) -> tuple[slice, slice, slice]:
    """The edit's box as an index into the place's box."""
    i, j, k = (
        slice(s.start - first, s.stop - first)
        for s, first in zip(edit.slices, place.start, strict=True)
    )
    return i, j, k
