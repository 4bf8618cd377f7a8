"""Changes of layers: computed in the background, written when up to date."""

from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_medseg.controls.background import Background
from napari_medseg.correct.editing import Change, Changed, Editor, Way
from napari_medseg.correct.history import History
from napari_medseg.layers.edits import EditWatch


class Writer(QObject):
    """Makes one change at a time; strokes painted meanwhile are not lost.

    Attributes:
        written: A `Change`, and the layer that has it now.
        finished: It is written, or could not be.
    """

    written = Signal(object, object)
    finished = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._editor = Editor(viewer)
        self._work = Background()
        self._watch = EditWatch(viewer.dims)
        self._is_touched = False
        self._again: Change | None = None
        self._watch.touched.connect(self._on_touched)
        self._work.succeeded.connect(self._on_computed)
        self._work.finished.connect(self._on_finished)

    @property
    def is_busy(self) -> bool:
        """Whether a change is being made."""
        return self._work.is_busy

    def history(self, layer: Labels | None) -> History:
        """What can be undone and redone in a layer."""
        return self._editor.history(layer)

    def exchange(self, layer: Labels, way: Way) -> Change | None:
        """What undoing or redoing would do; None where there is nothing to do."""
        return self._editor.exchange(layer, way)

    def start(self, change: Change) -> None:
        """Make a change, unless one is being made."""
        if self._work.is_busy:
            return
        self._is_touched = False
        self._again = None
        self._watch.watch((change.layer,))
        self._work.start(f"MedSeg: {change.title}", change.computed)

    def end(self) -> None:
        """Write nothing more."""
        self._work.cancel()
        self._again = None
        self._watch.watch(())

    def _on_touched(self) -> None:
        self._is_touched = True

    def _on_computed(self, changed: Changed) -> None:
        change = changed.change
        if self._is_touched:
            self._again = change
            return
        self._watch.watch(())
        if change.layer in self._viewer.layers:
            self.written.emit(change, self._editor.write(changed))

    def _on_finished(self) -> None:
        self._watch.watch(())
        if self._again is not None:
            self.start(self._again)
        else:
            self.finished.emit()
