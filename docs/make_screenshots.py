"""Make the picture of the napari plugin, with the sample scan and a real result.

xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_screenshots.py
"""

from pathlib import Path

import napari
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QComboBox, QPushButton, QTableView, QWidget

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "sample_data"
IMAGES = ROOT / "docs" / "images"
MODEL = "phantom-abdomen"
SHOWN_STRUCTURE = "liver tumour"


def main() -> None:
    """Open the sample, segment it, score it, and save what the window shows."""
    viewer = napari.Viewer(show=True, show_welcome_screen=False)
    viewer.window.resize(1280, 800)
    viewer.open(SAMPLE / "ct_phantom", plugin="medseg")
    (reference,) = viewer.open(SAMPLE / "ct_phantom_reference.nii.gz", plugin="medseg")
    reference.visible = False
    _, segment = viewer.window.add_plugin_dock_widget("medseg", "Segment")
    _, scores = viewer.window.add_plugin_dock_widget("medseg", "Scores")
    part(segment, "Model", QComboBox).setCurrentText(MODEL)
    click_and_wait(segment, "Segment")
    click_and_wait(scores, "Compute")
    go_to(scores, SHOWN_STRUCTURE)
    viewer.reset_view()
    settle()
    IMAGES.mkdir(exist_ok=True)
    viewer.screenshot(IMAGES / "napari.png", canvas_only=False, flash=False)
    viewer.close()


def go_to(scores: QWidget, structure: str) -> None:
    """Click the row of a structure."""
    table = part(scores, "Scores", QTableView)
    model = table.model()
    names = [model.index(row, 0).data() for row in range(model.rowCount())]
    table.selectRow(names.index(structure))
    table.clicked.emit(model.index(names.index(structure), 0))


def click_and_wait(panel: QWidget, button: str) -> None:
    """Click a button and wait for the work it starts."""
    part(panel, button, QPushButton).click()
    while panel.background.is_busy:
        settle()
    settle()


def part(panel: QWidget, name: str, kind: type[QWidget]) -> QWidget:
    """Part of a panel by its accessible name."""
    return next(w for w in panel.findChildren(kind) if w.accessibleName() == name)


def settle() -> None:
    """Let Qt draw, deliver and delete what is due."""
    loop = QEventLoop()
    QTimer.singleShot(200, loop.quit)
    loop.exec()


if __name__ == "__main__":
    main()
