"""Saves and opens the session of one viewer, on request and by itself."""

import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path

from napari.components import ViewerModel
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QApplication

import medseg
from napari_medseg.controls.background import Background, Report
from napari_medseg.preferences import preferences
from napari_medseg.session.autosaves import Autosaves
from napari_medseg.session.files import Opened, Taken, open_session, save_session
from napari_medseg.session.layers import add_restored, taken_layers, taken_view
from napari_medseg.session.panels import open_panels, restore_panels

_LOOKS_EVERY_MS = 20_000  # whether an autosave is due, as the user may change how often
_MS_A_MINUTE = 60_000


class SessionKeeper(QObject):
    """One a viewer; lives as long as it.

    Args:
        viewer: Whose session it is.
        autosaves: Where it is saved by itself.
    """

    def __init__(self, viewer: ViewerModel, autosaves: Autosaves) -> None:
        super().__init__(QApplication.instance())
        self.path: Path | None = None
        self.background = Background()
        self._viewer = weakref.ref(viewer)
        self._autosaves = autosaves
        self._on_done: Callable[[object], object] = _nothing
        self._is_quiet = False
        self._since_autosave_ms = 0
        self.background.succeeded.connect(self._on_succeeded)
        self.background.failed.connect(self._on_failed)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOKS_EVERY_MS)
        self._timer.timeout.connect(self._on_looked)

    @property
    def has_begun(self) -> bool:
        """Whether it saves by itself."""
        return self._timer.isActive()

    def begin(self) -> None:
        """Save by itself from now on; say so when an earlier napari crashed."""
        if self.has_begun:
            return
        self._timer.start()
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.end)
        if preferences().session_offer_restore and self._autosaves.crashed():
            show_info(
                "The last napari did not close as it should. File > IO Utilities > "
                "Restore autosaved session (MedSeg) brings its layers back."
            )

    def end(self) -> None:
        """Save by itself no more; the viewer ends as it should."""
        self._timer.stop()
        self._autosaves.end()

    def save(self, path: Path) -> None:
        """Save the session to a file, from now on to this one."""
        taken = self._taken()
        if taken is not None:
            left_out = ", ".join(taken.left_out)
            self._start(
                "MedSeg: saving the session",
                partial(_save, taken, path),
                partial(self._tell_saved, left_out=left_out),
            )

    def open(self, path: Path) -> None:
        """Add the layers of a session to the viewer, and go where it was."""
        self._start(
            "MedSeg: opening a session",
            partial(_open, path),
            partial(self._show, path=path),
        )

    def restore(self) -> None:
        """Open the newest autosave of a napari that is no longer open."""
        earlier = self._autosaves.earlier()
        if earlier:
            self.open(earlier[0])
        else:
            show_info("There is no autosaved session.")

    def autosave(self) -> None:
        """Save beside what the user saves, if there is work to lose."""
        taken = self._taken()
        if taken is None or self.background.is_busy or not taken.has_labels:
            return
        try:
            path = self._autosaves.begin()
        except OSError:
            return  # no folder for it; nothing that the user could mend right now
        self._start(
            "MedSeg: autosaving", partial(_save, taken, path), _nothing, is_quiet=True
        )

    def _taken(self) -> Taken | None:
        viewer = self._viewer()
        if viewer is None:
            self.end()
            return None
        layers, left_out = taken_layers(viewer)
        return Taken(
            layers=tuple(layers),
            left_out=tuple(left_out),
            view=taken_view(viewer),
            panels=open_panels(viewer),
        )

    def _start(
        self,
        title: str,
        work: Callable[[Report], object],
        on_done: Callable[[object], object],
        *,
        is_quiet: bool = False,
    ) -> None:
        if self.background.is_busy:
            show_info("The session is being saved or opened. Try again in a moment.")
            return
        self._on_done, self._is_quiet = on_done, is_quiet
        self.background.start(title, work)

    def _tell_saved(self, saved: object, *, left_out: str) -> None:
        if isinstance(saved, Path):
            self.path = saved
            without = f" without {left_out}" if left_out else ""
            show_info(f"Saved {saved.name}{without}.")

    def _show(self, opened: object, *, path: Path) -> None:
        viewer = self._viewer()
        if viewer is None or not isinstance(opened, Opened):
            return
        add_restored(viewer, opened.layers, opened.session.view)
        restore_panels(viewer, opened.session.panels)
        if opened.problems:
            show_error(f"Not opened: {'; '.join(opened.problems)}")
        else:
            show_info(f"Opened {path.name}.")

    def _on_looked(self) -> None:
        wait_ms = preferences().session_autosave_minutes * _MS_A_MINUTE
        self._since_autosave_ms += _LOOKS_EVERY_MS
        if wait_ms and self._since_autosave_ms >= wait_ms:
            self._since_autosave_ms = 0
            self.autosave()

    def _on_succeeded(self, result: object) -> None:
        self._on_done(result)

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, medseg.MedSegError):  # napari shows the others itself
            what = "The autosave failed: " if self._is_quiet else ""
            show_error(what + str(error))


def _save(taken: Taken, path: Path, _report: Report) -> Path:
    return save_session(taken, path)


def _open(path: Path, _report: Report) -> Opened:
    return open_session(path)


def _nothing(_result: object) -> None:
    """For whoever need not hear that it is done."""
