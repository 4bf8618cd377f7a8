"""What a correction would change, computed again whenever something else is chosen."""

from collections.abc import Callable

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QTimer, Signal

import medseg
from napari_medseg.controls.background import Background, Report
from napari_medseg.correct.preview import Preview
from napari_medseg.correct.view import CorrectView
from napari_medseg.correct.work import Proposal, Request, propose

_PAUSE_MS = 250  # between the last change of a setting and the preview of it


class Proposer(QObject):
    """Keeps the preview up to date, and has what is up to date applied.

    Attributes:
        apply_requested: A `Proposal` that was waited for.
    """

    apply_requested = Signal(object)

    def __init__(
        self,
        view: CorrectView,
        preview: Preview,
        background: Background,
        request: Callable[[], Request | str],
    ) -> None:
        """Nothing is proposed at first.

        Args:
            view: What is chosen, and where messages go.
            preview: Shows what would change.
            background: Computes it.
            request: Says what to compute, or what is missing; may raise `MedSegError`.
        """
        super().__init__()
        self._view = view
        self._preview = preview
        self._background = background
        self._request = request
        self._proposal: Proposal | None = None
        self._is_stale = False
        self._applies_next = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._start)
        background.succeeded.connect(self._on_succeeded)
        background.failed.connect(self.tell)
        background.finished.connect(self._on_finished)

    @property
    def is_busy(self) -> bool:
        """Whether something is being computed or about to be."""
        return self._background.is_busy or self._pause.isActive()

    def look_again(self) -> None:
        """Compute what would change, in a moment, where that is to be seen."""
        self.forget()
        self._applies_next = False
        if self._view.labels is not None and self._view.live.isChecked():
            self._pause.start()
        else:
            self.rest()

    def forget(self) -> None:
        """What was proposed holds no more."""
        self._proposal = None
        self._is_stale = True

    def rest(self) -> None:
        """Show no preview until something is changed."""
        self._pause.stop()
        self._preview.hide()

    def settle(self) -> None:
        """Take what there is now for what is wanted: propose nothing until asked to."""
        self._background.cancel()
        self.look_again()
        self.rest()
        self._is_stale = False

    def end(self) -> None:
        """Propose nothing more."""
        self.settle()
        self._preview.end()

    def apply(self) -> None:
        """Have what is proposed applied, or what will be when it is computed."""
        if self._proposal is not None:
            self.apply_requested.emit(self._proposal)
            return
        self._pause.stop()
        self._applies_next = True
        if self._is_stale or not self._background.is_busy:
            self._start()

    def tell(self, error: Exception) -> None:
        """Say what went wrong; the preview goes."""
        self._applies_next = False
        self._preview.hide()
        self._view.show_message(str(error))
        if not self._view.live.isChecked() and isinstance(error, medseg.MedSegError):
            show_error(str(error))

    def _start(self) -> None:
        """Compute what would change, once nothing else is computed."""
        if self._background.is_busy:
            self._background.cancel()
            return
        try:
            request = self._request()
        except medseg.MedSegError as error:
            self.tell(error)
            return
        if isinstance(request, str):
            self._applies_next = False
            self._preview.hide()
            self._view.show_message(request)
            return

        def work(report: Report) -> Proposal:
            return propose(request, report)

        self._is_stale = False
        self._view.show_message("computing")
        self._background.start(f"MedSeg: {request.choice.tool.value.lower()}", work)

    def _on_succeeded(self, proposal: Proposal) -> None:
        if self._is_stale:
            return
        self._proposal = proposal
        self._view.show_message(proposal.words)
        if self._applies_next:
            self._applies_next = False
            self.apply_requested.emit(proposal)
        elif proposal.edit is None or not self._view.live.isChecked():
            self._preview.hide()
        else:
            self._preview.show(proposal.place, proposal.difference)

    def _on_finished(self) -> None:
        is_wanted = self._applies_next or self._view.live.isChecked()
        if self._is_stale and is_wanted and not self._pause.isActive():
            self._start()
