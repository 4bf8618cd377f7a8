"""What the sections of the Lesions panel that compare with other labels share."""

from collections.abc import Callable
from typing import Generic, TypeVar

from napari.layers import Labels

from napari_medseg.controls.background import Work
from napari_medseg.layers.placement import Placement
from napari_medseg.lesions.contents import Lesions
from napari_medseg.lesions.desk import Desk
from napari_medseg.lesions.since import EditedSince

Result = TypeVar("Result")


class Comparison(Generic[Result]):
    """Compares the lesions with other labels, and has the result until these change.

    Attributes:
        result: What is shown; None for nothing. The other labels may have been edited
            a moment ago: `current` asks that.
    """

    def __init__(
        self,
        desk: Desk,
        fill: Callable[[Result | None], None],
        *,
        other: str,
        verb: str,
    ) -> None:
        """Nothing is compared yet.

        Args:
            desk: Has the lesions.
            fill: Shows a result, or none.
            other: What the other labels are called.
            verb: What is done with them.
        """
        self.result: Result | None = None
        self._desk = desk
        self._fill = fill
        self._edited = f"The {other} was edited since: {verb} again."
        self._changed = f"Labels were changed meanwhile: {verb} again."
        self._none_yet = f"This tab has no table yet: {verb} first."
        self._labels: Labels | None = None
        self._edits = EditedSince(desk.viewer.dims)
        self._edits.paused.connect(self._on_edited)

    def end(self) -> None:
        """Listen to the viewer no more."""
        self._edits.watch({})

    def forget(self) -> None:
        """Show nothing until it is compared again."""
        self.result = None
        self._fill(None)

    def leave(self) -> None:
        """Forget the other labels too; what is still being made of them is refused."""
        self._labels = None
        self._edits.watch({})
        self.forget()

    def current(self) -> Result | None:
        """The result, if it is of the other labels as they are; why not is told."""
        if self._edits.layers():
            self.forget()
            self._desk.tell(self._edited)
        elif self.result is None:
            self._desk.tell(self._none_yet)
        return self.result

    def _lesions_for(self, labels: Labels) -> Lesions | None:
        """The lesions, if they may be compared with these labels; else it is told."""
        lesions = self._desk.ready()
        if lesions is not None and self._desk.are_of(labels):
            self._desk.tell("Choose two different layers.")
            return None
        return lesions

    def _start(self, labels: Labels, checksum: int, title: str, work: Work) -> None:
        """Compare with other labels, in another thread.

        Args:
            labels: Their layer.
            checksum: Of them as they are compared.
            title: Of the work.
            work: Makes the result.
        """
        self.forget()
        self._edits.watch({labels: checksum})
        self._labels = labels
        self._desk.start(title, work)

    def _take(self, result: Result, placement: Placement) -> bool:
        """Show a result, unless labels were changed meanwhile.

        Args:
            result: What was made.
            placement: Of the lesions that were compared.

        Returns:
            Whether it is shown.
        """
        lesions = self._desk.lesions
        is_theirs = lesions is not None and placement is lesions.placement
        if not is_theirs or self._labels is None or self._edits.layers():
            self._desk.tell(self._changed)
            return False
        if not self._desk.is_current():
            return False
        self.result = result
        self._fill(result)
        self._desk.tell("Click a row to go to the lesion.")
        return True

    def _on_edited(self) -> None:
        if self.result is not None:
            self.current()
