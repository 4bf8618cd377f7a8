"""Short work that a menu command starts and no panel waits for."""

from collections.abc import Callable

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QApplication

import medseg
from napari_medseg.controls.background import Background, Work


def run_errand(
    title: str, work: Work, on_done: Callable[[object], object]
) -> Background:
    """Do something in the background; what goes wrong is told in one line.

    Args:
        title: What napari calls it when it asks before closing.
        work: What to do, in another thread.
        on_done: Called with the result, in this one.
    """
    background = Background()
    background.setParent(QApplication.instance())  # who keeps it while it works
    background.succeeded.connect(on_done)
    background.failed.connect(tell_failure)
    background.finished.connect(background.deleteLater)
    background.start(title, work)
    return background


def tell_failure(error: Exception) -> None:
    """Show in one line what went wrong; napari shows itself what was not foreseen."""
    if isinstance(error, medseg.MedSegError):
        show_error(str(error))
