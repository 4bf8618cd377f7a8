"""What the sections of the Lesions panel that compare with other labels share."""

from collections.abc import Callable
from typing import Generic, TypeVar

from napari.layers import Labels

from napari_medseg.controls.background import Work
from napari_medseg.layers.placement import Placement
from napari_medseg.lesions.contents import Lesions
from napari_medseg.lesions.desk import Desk
from napari_medseg.lesions.seen import Seen
from napari_medseg.lesions.since import ChangedSince

Result = TypeVar("Result")


class Comparison(Generic[Result]):
    """Compares the lesions with other labels, and has the result until these change.

    Attributes:
        result: What is shown; None for nothing. The other labels may have been changed
            a moment ago: `current` asks that.
    """

    def __init__(
        self,
        desk: Desk,
        fill: Callable[[Result | None, str], None],
        *,
        other: str,
        verb: str,
    ) -> None:
        """Nothing is compared yet.

        Args:
            desk: Has the lesions.
            fill: Shows a result, or none, and why, if that is to be told.
            other: What the other labels are called.
            verb: What is done with them.
        """
        self.result: Result | None = None
        self._desk = desk
        self._fill = fill
        self._other, self._verb = other, verb
        self._changed = f"Labels were changed meanwhile: {verb} again."
        self._none_yet = f"This tab has no table yet: {verb} first."
        self._labels: Labels | None = None
        self._changes = ChangedSince(desk.viewer.dims)
        self._changes.paused.connect(self._on_paused)

    def end(self) -> None:
        """Listen to the viewer no more."""
        self._changes.watch({})

    def forget(self, why: str = "") -> None:
        """Show nothing until it is compared again.

        Args:
            why: What is told in its place.
        """
        self.result = None
        self._fill(None, why)

    def leave(self) -> None:
        """Forget the other labels too; what is still being made of them is refused."""
        self._labels = None
        self._changes.watch({})
        self.forget()

    def current(self) -> Result | None:
        """The result, if it is of the other labels as they are; why not is told."""
        if changes := self._changes.changes():
            (change,) = changes.values()
            why = f"The {self._other} was {change} since: {self._verb} again."
            self.forget(why)
            self._desk.tell(why)
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

    def _start(self, labels: Labels, title: str, work: Work) -> None:
        """Compare with other labels, in another thread.

        What is shown stays until then, also where it comes to nothing.

        Args:
            labels: Their layer.
            title: Of the work.
            work: Makes the result.
        """
        if self._changes.changes():
            self.forget()
        self._changes.watch({labels: Seen.of(labels)})
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
        if not is_theirs or self._labels is None or self._changes.changes():
            self.forget(self._changed)
            self._desk.tell(self._changed)
            return False
        if not self._desk.is_current():
            return False
        self.result = result
        self._fill(result, "")
        self._desk.tell("Click a row to go to the lesion.")
        return True

    def _on_paused(self) -> None:
        if self.result is not None:
            self.current()
