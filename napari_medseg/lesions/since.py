"""Whether labels are still those that something was made of."""

from collections.abc import Mapping

from napari.components import Dims
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_medseg.layers.edits import EditWatch
from napari_medseg.layers.ranking import LESIONS_KEY
from napari_medseg.lesions.seen import Change, Seen

_LESIONS_CHANGED = {
    Change.EDITED: "Lesions were painted on: edit the labels, and separate the lesions "
    "again.",
    Change.MOVED: "Lesions were moved: move them back, or separate the lesions again.",
}


class ChangedSince(QObject):
    """Tells which of some layers were edited or moved since they were seen.

    Attributes:
        paused: A layer may have been changed, and nothing more came for a moment.
    """

    paused = Signal()

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self._watch = EditWatch(dims)
        self._watch.edited.connect(self.paused)
        self._seen: Mapping[Labels, Seen | None] = {}

    def watch(self, seen: Mapping[Labels, Seen | None]) -> None:
        """Watch these layers and no others.

        Args:
            seen: Each as it was; None where nothing was made of it.
        """
        self._seen = dict(seen)
        self._watch.watch(self._seen)

    def changes(self) -> dict[Labels, Change]:
        """Those that are others by now; what was undone is no change."""
        found = (
            (layer, was.change_of(layer))
            for layer, was in self._seen.items()
            if was is not None
        )
        return {layer: change for layer, change in found if change is not None}


class ChangedLesions(ChangedSince):
    """Tells whether lesions are those of the labels they were told apart in."""

    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        self._shown: Labels | None = None

    def watch_labels(self, labels: Labels | None) -> None:
        """Watch labels in which nothing is told apart yet."""
        self._shown = None
        self.watch({} if labels is None else {labels: None})

    def watch_lesions(self, labels: Labels, seen: Seen, shown: Labels) -> None:
        """Watch labels, and the layer of their lesions.

        Args:
            labels: In which they were told apart.
            seen: The labels then.
            shown: The lesions.
        """
        self._shown = shown
        lesions = Seen.of(shown, shown.metadata[LESIONS_KEY])
        self.watch({labels: seen, shown: lesions})

    def why(self) -> str:
        """Why the lesions are not those of the labels; empty where they are."""
        for layer, change in self.changes().items():
            if layer is not self._shown:
                return f"The labels were {change} since: separate the lesions again."
            return _LESIONS_CHANGED[change]
        return ""
