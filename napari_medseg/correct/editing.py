"""Making corrections to Labels layers, undoing them, and keeping originals apart."""

from dataclasses import dataclass
from enum import StrEnum
from weakref import WeakKeyDictionary

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels

from napari_medseg.correct.history import Edit, History
from napari_medseg.correct.layers import (
    editable,
    name_structures,
    note_edit,
    update_volumes,
    write_box,
)
from napari_medseg.correct.work import Proposal, Report, gained_ml


class Way(StrEnum):
    """Back in the history, or forward again."""

    UNDO = "undone"
    REDO = "redone"


@dataclass(frozen=True, eq=False, kw_only=True)
class Exchange:
    """An edit to undo or to redo.

    Attributes:
        layer: The layer that has, or had, the edit.
        edit: The edit.
        way: Whether it is undone or redone.
    """

    layer: Labels
    edit: Edit
    way: Way

    def computed(self, _report: Report) -> "Exchanged":
        """The labels as they will be; for another thread, as it takes a while."""
        data, edit = np.asarray(self.layer.data), self.edit
        is_undo = self.way is Way.UNDO
        array = edit.undone(data) if is_undo else edit.redone(data)
        voxel_ml = float(np.prod(self.layer.scale)) / 1000
        gain_ml = gained_ml(data[edit.slices], array, voxel_ml)
        return Exchanged(asked=self, array=array, gain_ml=gain_ml)


@dataclass(frozen=True, eq=False, kw_only=True)
class Exchanged:
    """An edit that is undone or redone but for writing it.

    Attributes:
        asked: Which edit and which way.
        array: The labels in its box.
        gain_ml: Change of volume of each label.
    """

    asked: Exchange
    array: np.ndarray
    gain_ml: dict[int, float]


class Editor:
    """Writes corrections, each layer with a history of its own."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._histories: WeakKeyDictionary[Labels, History] = WeakKeyDictionary()

    def history(self, layer: Labels | None) -> History:
        """What can be undone and redone in a layer."""
        if layer is None:
            return History()
        return self._histories.setdefault(layer, History())

    def apply(self, proposal: Proposal) -> Labels:
        """Make a correction; returns the layer that has it, a copy at first."""
        layer = editable(self._viewer, proposal.place.layer)
        if proposal.edit is not None:
            if len(proposal.labels) > len(proposal.task.labels.labels):
                name_structures(layer, proposal.labels, self._viewer.layers)
            _write(layer, proposal.edit, proposal.after, proposal.gain_ml)
            note_edit(layer, proposal.edit.title)
            self.history(layer).add(proposal.edit)
        return layer

    def exchange(self, layer: Labels, way: Way) -> Exchange | None:
        """What undoing or redoing would do; None where there is nothing to do."""
        history = self.history(layer)
        edit = history.to_undo if way is Way.UNDO else history.to_redo
        return None if edit is None else Exchange(layer=layer, edit=edit, way=way)

    def finish(self, done: Exchanged) -> None:
        """Undo or redo what has been computed."""
        asked = done.asked
        history = self.history(asked.layer)
        _write(asked.layer, asked.edit, done.array, done.gain_ml)
        if asked.way is Way.UNDO:
            history.step_back()
            note_edit(asked.layer, f"undone: {asked.edit.title}")
        else:
            history.step_forward()
            note_edit(asked.layer, asked.edit.title)


def _write(
    layer: Labels, edit: Edit, array: np.ndarray, gain_ml: dict[int, float]
) -> None:
    write_box(layer, edit.slices, array)
    update_volumes(layer, gain_ml)
