"""What the sections of the Lesions panel share: the lesions, the work, the place."""

from napari.components import ViewerModel
from napari.layers import Labels, Layer

import medseg
from napari_medseg.controls.background import Background, Work
from napari_medseg.layers.placement import Placement
from napari_medseg.lesions.all_boxes import AllBoxes
from napari_medseg.lesions.contents import Lesions, place_of
from napari_medseg.lesions.marks import Marks
from napari_medseg.lesions.seen import Seen
from napari_medseg.lesions.since import ChangedLesions
from napari_medseg.lesions.view import LesionsView
from napari_medseg.viewing.orientation import go_to


class Desk:
    """The lesions told apart, and what can be done with them.

    Attributes:
        viewer: The viewer.
        edits: Tells whether the lesions are those of the labels.
        marks: The diameters and the box shown.
        boxes: Those of all lesions.
        lesions: Those told apart; None for none.
    """

    def __init__(
        self, viewer: ViewerModel, view: LesionsView, background: Background
    ) -> None:
        self.viewer = viewer
        self.edits = ChangedLesions(viewer.dims)
        self.marks = Marks(viewer)
        self.boxes = AllBoxes(viewer)
        self.lesions: Lesions | None = None
        self._labels: Labels | None = None
        self._view = view
        self._background = background

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All of the viewer."""
        return tuple(self.viewer.layers)

    def forget(self) -> None:
        """Have no lesions until others are told apart."""
        self.lesions = self._labels = None
        self.marks.forget()
        self.boxes.take(None)

    def take(self, lesions: Lesions, labels: Labels, seen: Seen, shown: Labels) -> None:
        """Have other lesions.

        Args:
            lesions: What was told apart.
            labels: In which layer.
            seen: That layer then.
            shown: The layer of the lesions.
        """
        self.edits.watch_lesions(labels, seen, shown)
        self.lesions, self._labels = lesions, labels
        self.boxes.take(lesions)

    def are_of(self, labels: Labels) -> bool:
        """Whether the lesions were told apart in this layer."""
        return labels is self._labels

    def is_current(self) -> bool:
        """Whether the lesions are those of the labels as they are; told if not."""
        why = self.edits.why()
        self._view.show_stale(why)
        return not why

    def ready(self) -> Lesions | None:
        """The lesions, if work on them may start; what is in the way is told."""
        if self.lesions is None or self._background.is_busy or not self.is_current():
            return None
        return self.lesions

    def start(self, title: str, work: Work) -> None:
        """Do something in another thread; napari calls it by its title."""
        self._view.set_busy(busy=True)
        self._background.start(title, work)

    def tell(self, text: str) -> None:
        """Say something in a line."""
        self._view.show_message(text)

    def go_to(self, measure: medseg.InstanceMeasure, placement: Placement) -> None:
        """Look at a lesion, and draw its diameters and box.

        Args:
            measure: Of the lesion.
            placement: How its label map is shown.
        """
        self.marks.choose(measure, placement)
        go_to(self.viewer, place_of(measure, placement))
