"""What a correction would change, computed again whenever something else is chosen."""

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer, Signal

import medseg
from napari_medseg.controls.background import Background, Report
from napari_medseg.controls.errands import tell_failure
from napari_medseg.correct.preview import Preview
from napari_medseg.correct.view import CorrectView
from napari_medseg.correct.work import Proposal, Request, propose

_PAUSE_MS = 250  # between the last change of a setting and the preview of it


class Proposer(QObject):
    """Keeps the preview up to date, and computes what is to be applied.

    What is applied is what was chosen when Apply was pressed. What is chosen until that
    is written is for the next preview; labels that are edited meanwhile are looked at
    again, with the same choice.

    Attributes:
        apply_requested: A `Proposal` that changes something, as of Apply.
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
        self._to_apply: Request | None = None
        self._is_awaited = False  # the work going on is of what is wanted now
        self._is_due = False  # something is to be computed once nothing else is
        self._is_asked = False  # something was chosen since Apply, or the latest rest
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._start)
        background.succeeded.connect(self._on_succeeded)
        background.failed.connect(self._on_failed)
        background.finished.connect(self._on_finished)

    @property
    def is_busy(self) -> bool:
        """Whether something is being computed or about to be."""
        return self._background.is_busy or self._pause.isActive()

    @property
    def is_applying(self) -> bool:
        """Whether what is to be applied is being computed."""
        return self._to_apply is not None

    def ask(self) -> None:
        """Something else is chosen: propose that, once what is to be applied is."""
        self._is_asked = True
        self.look_again()

    def look_again(self) -> None:
        """Compute what would change, in a moment, where that is to be seen."""
        if self._to_apply is not None:
            return
        self.forget()
        if self._view.labels is not None and self._view.live.isChecked():
            self._pause.start()
        else:
            self.rest()

    def forget(self) -> None:
        """What was proposed holds no more."""
        self._proposal = None
        self._is_awaited = False
        self._is_due = True

    def rest(self) -> None:
        """Propose nothing until something is changed."""
        self._pause.stop()
        self._background.cancel()
        self.forget()
        self._is_due = self._is_asked = False
        self._to_apply = None
        self._preview.hide()

    def settle(self) -> None:
        """Propose nothing, but for what was chosen since Apply."""
        was_asked = self._is_asked
        self.rest()
        if was_asked:
            self.ask()

    def end(self) -> None:
        """Propose nothing more."""
        self.rest()
        self._preview.end()

    def apply(self) -> None:
        """Have what is proposed applied, or what will be when it is computed."""
        if self._proposal is not None:
            self._is_asked = False
            self._deliver(self._proposal)
            return
        request = self._wanted()
        if request is None:
            return
        self._pause.stop()
        self._is_asked = False
        self._to_apply = request
        if not self._is_awaited:
            self._is_due = True
            self._start()

    def tell(self, error: Exception) -> None:
        """Say what went wrong; the preview goes."""
        self._preview.hide()
        self._view.show_message(str(error))
        if not self._view.live.isChecked():
            tell_failure(error)

    def _wanted(self) -> Request | None:
        """What is chosen; None, and told, where something is missing."""
        try:
            request = self._request()
        except medseg.MedSegError as error:
            self.tell(error)
            return None
        if isinstance(request, str):
            self._preview.hide()
            self._view.show_message(request)
            return None
        return request

    def _start(self) -> None:
        """Compute what would change, once nothing else is computed."""
        if self._background.is_busy:
            self._background.cancel()
            return
        self._is_due = False
        request = self._to_apply or self._wanted()
        if request is None:
            return

        def work(report: Report) -> Proposal:
            return propose(request, report)

        self._is_awaited = True
        self._view.show_message("computing")
        self._background.start(f"MedSeg: {request.choice.tool.value.lower()}", work)

    def _on_succeeded(self, proposal: Proposal) -> None:
        if not self._is_awaited:
            return
        self._view.show_message(proposal.words)
        if self._to_apply is not None:
            self._deliver(proposal)
            return
        self._proposal = proposal
        if proposal.edit is None or not self._view.live.isChecked():
            self._preview.hide()
        else:
            self._preview.show(proposal.place, proposal.difference)

    def _deliver(self, proposal: Proposal) -> None:
        """Have it applied; the preview of it goes."""
        self._to_apply = self._proposal = None
        self._preview.hide()
        if proposal.edit is None:
            self.settle()
        else:
            self.apply_requested.emit(proposal)

    def _on_failed(self, error: Exception) -> None:
        if self._is_awaited:
            self._to_apply = None
            self.tell(error)

    def _on_finished(self) -> None:
        self._is_awaited = False
        is_wanted = self._to_apply is not None or self._view.live.isChecked()
        if self._is_due and is_wanted and not self._pause.isActive():
            self._start()
        else:
            self._to_apply = None  # nothing more comes of it
