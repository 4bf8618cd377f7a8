"""Making corrections to Labels layers, undoing them, and keeping originals apart.

A change is computed in another thread, as the whole array a layer is to have; what is
left for the thread of the window is to give it that array.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from weakref import WeakKeyDictionary

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels

import medseg
from napari_medseg.correct.history import Edit, History
from napari_medseg.correct.layers import (
    name_structures,
    note_edit,
    update_volumes,
    write,
)
from napari_medseg.correct.work import Report, gained_ml
from napari_medseg.layers.structures import structures_of


class Way(Enum):
    """A correction made, or back in the history, or forward again, in words."""

    DO = "Done"
    UNDO = "Undone"
    REDO = "Redone"


@dataclass(frozen=True, eq=False, kw_only=True)
class Change:
    """What is to be written to a layer.

    Attributes:
        layer: The layer, or the original it is a copy of.
        edit: The edit; None for a mere copy.
        way: Whether it is made, undone or redone.
        then: Called with the layer that has the change.
    """

    layer: Labels
    edit: Edit | None
    way: Way = Way.DO
    then: Callable[[Labels], object] | None = None

    @property
    def title(self) -> str:
        """What is done."""
        return "copying" if self.edit is None else self.edit.title

    def computed(self, _report: Report) -> "Changed":
        """The labels as they will be; for another thread, as it takes a while."""
        data, edit = np.asarray(self.layer.data), self.edit
        if edit is None:
            return Changed(change=self, array=data.copy(), gain_ml={})
        array = data.astype(np.promote_types(data.dtype, edit.dtype))
        is_undo = self.way is Way.UNDO
        array[edit.slices] = edit.undone(array) if is_undo else edit.redone(array)
        gone = [each for each in edit.added if is_undo and not (array == each.id).any()]
        voxel_ml = float(np.prod(self.layer.scale)) / 1000
        gain_ml = gained_ml(data[edit.slices], array[edit.slices], voxel_ml)
        return Changed(change=self, array=array, gain_ml=gain_ml, gone=tuple(gone))


@dataclass(frozen=True, eq=False, kw_only=True)
class Changed:
    """A change that is made but for writing it.

    Attributes:
        change: Which.
        array: All labels of the layer.
        gain_ml: Change of volume of each label.
        gone: Structures that there are no more: undone, and not painted since.
    """

    change: Change
    array: np.ndarray
    gain_ml: dict[int, float]
    gone: tuple["medseg.Structure", ...] = ()


class Editor:
    """Writes changes, each layer with a history of its own."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._histories: WeakKeyDictionary[Labels, History] = WeakKeyDictionary()

    def history(self, layer: Labels | None) -> History:
        """What can be undone and redone in a layer."""
        if layer is None:
            return History()
        return self._histories.setdefault(layer, History())

    def exchange(self, layer: Labels, way: Way) -> Change | None:
        """What undoing or redoing would do; None where there is nothing to do."""
        history = self.history(layer)
        edit = history.to_undo if way is Way.UNDO else history.to_redo
        return None if edit is None else Change(layer=layer, edit=edit, way=way)

    def write(self, changed: Changed) -> Labels:
        """Write what has been computed; returns the layer that has it."""
        change = changed.change
        layer = write(self._viewer, change.layer, changed.array)
        self._name(layer, changed)
        update_volumes(layer, changed.gain_ml)
        if change.edit is not None:
            self._note(layer, change.edit, change.way)
        return layer

    def _name(self, layer: Labels, changed: Changed) -> None:
        """Let the layer know the structures that came, and no more those that went."""
        edit, old = changed.change.edit, structures_of(layer)
        if edit is None or not edit.added:
            return
        if changed.change.way is Way.UNDO:
            gone = {each.id for each in changed.gone}
            kept = tuple(each for each in old if each.id not in gone)
        else:
            new = (each for each in edit.added if each.id not in old.ids)
            kept = (*old.structures, *new)
        name_structures(layer, medseg.LabelSet(kept), self._viewer.layers)

    def _note(self, layer: Labels, edit: Edit, way: Way) -> None:
        history = self.history(layer)
        match way:
            case Way.DO:
                history.add(edit)
            case Way.UNDO:
                history.step_back()
            case Way.REDO:
                history.step_forward()
        note_edit(layer, f"undone: {edit.title}" if way is Way.UNDO else edit.title)
