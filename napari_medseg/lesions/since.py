"""Whether labels are still those that something was made of."""

from collections.abc import Mapping

import numpy as np
from napari.components import Dims
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_medseg.layers.edits import EditWatch
from napari_medseg.layers.made import checksum_of
from napari_medseg.layers.ranking import LESIONS_KEY

_STALE = "The labels were edited since: separate the lesions again."
_PAINTED = "Lesions were painted on: edit the labels, and separate the lesions again."


class EditedSince(QObject):
    """Tells which of some layers were edited since their checksum was taken.

    Attributes:
        paused: A layer may have been edited, and nothing more came for a moment.
    """

    paused = Signal()

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self._watch = EditWatch(dims)
        self._watch.edited.connect(self.paused)
        self._checksums: Mapping[Labels, int | None] = {}

    def watch(self, checksums: Mapping[Labels, int | None]) -> None:
        """Watch these layers and no others.

        Args:
            checksums: Of the labels of each as they were; None where nothing was made
                of them.
        """
        self._checksums = dict(checksums)
        self._watch.watch(self._checksums)

    def layers(self) -> tuple[Labels, ...]:
        """Those whose labels are others by now; an edit that was undone is none."""
        return tuple(
            layer
            for layer, was in self._checksums.items()
            if was is not None and checksum_of(np.asarray(layer.data)) != was
        )


class EditedLesions(EditedSince):
    """Tells whether lesions are those of the labels they were told apart in."""

    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        self._shown: Labels | None = None

    def watch_labels(self, labels: Labels | None) -> None:
        """Watch labels in which nothing is told apart yet."""
        self._shown = None
        self.watch({} if labels is None else {labels: None})

    def watch_lesions(self, labels: Labels, checksum: int, shown: Labels) -> None:
        """Watch labels, and the layer of their lesions.

        Args:
            labels: In which they were told apart.
            checksum: Of the labels then.
            shown: The lesions.
        """
        self._shown = shown
        self.watch({labels: checksum, shown: shown.metadata[LESIONS_KEY]})

    def why(self) -> str:
        """Why the lesions are not those of the labels; empty where they are."""
        edited = self.layers()
        if not edited:
            return ""
        return _PAINTED if edited == (self._shown,) else _STALE
