"""Make the pictures of the napari plugin: every panel, with phantoms and real results.

xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_screenshots.py
"""

from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import napari
from napari.layers import Layer
from PIL import Image
from qtpy.QtCore import QEventLoop, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QTableView,
    QTabWidget,
    QWidget,
)

import medseg
from napari_medseg.viewing.camera import camera_of

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "sample_data"
IMAGES = ROOT / "docs" / "images"
MODEL = "phantom-abdomen"
MODELS = "quick", "full"
CORRECTED = "right kidney"
WIDTH, HEIGHT = 1280, 800
LEFT = Qt.MouseButton.LeftButton
WORKS = "background", "details", "updates", "surfaces", "reader"


class Window:
    """A napari window whose controls are clicked as a user would."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(show=True, show_welcome_screen=False)
        self.viewer.theme = "dark"
        self.viewer.window.resize(WIDTH, HEIGHT)
        settle()

    def open(self, path: Path) -> None:
        """Open a scan or a label map with MedSeg."""
        self.viewer.open(path, plugin="medseg")
        settle()

    def panel(self, name: str) -> QWidget:
        """Open a panel."""
        _, panel = self.viewer.window.add_plugin_dock_widget("medseg", name)
        settle()
        return panel

    def close_panels(self) -> None:
        """Close every panel."""
        self.viewer.window.remove_dock_widget("all")
        settle()

    def layer(self, words: str) -> Layer:
        """The topmost layer whose name has these words at its start."""
        names = [layer.name for layer in self.viewer.layers]
        return self.viewer.layers[next(n for n in names[::-1] if n.startswith(words))]

    def fit(self) -> None:
        """Show the whole slice."""
        self.viewer.reset_view()
        settle()

    def save(self, name: str) -> None:
        """Save what the window shows."""
        settle()
        picture = Image.fromarray(
            self.viewer.screenshot(canvas_only=False, flash=False)
        ).convert("RGB")
        path = IMAGES / f"{name}.png"
        picture.save(path, optimize=True)
        print(
            f"{path.name:24}{picture.width} x {picture.height}"
            f"{path.stat().st_size // 1000:8} kB"
        )


def part(panel: QWidget, name: str, kind: type[QWidget]) -> QWidget:
    """Part of a panel by its accessible name."""
    (found,) = (w for w in panel.findChildren(kind) if w.accessibleName() == name)
    return found


def press(panel: QWidget, name: str) -> None:
    """Click a button and wait for the work it starts."""
    QTest.mouseClick(part(panel, name, QAbstractButton), LEFT)
    rest(panel)


def tick(panel: QWidget, name: str) -> None:
    """Change a tick."""
    part(panel, name, QCheckBox).toggle()
    rest(panel)


def choose(panel: QWidget, name: str, text: str) -> None:
    """Choose an entry of a box."""
    box = part(panel, name, QComboBox)
    index = box.findText(text)
    if index < 0:
        raise LookupError(f"{name} offers no {text!r}")
    box.setCurrentIndex(index)
    box.activated.emit(index)
    rest(panel)


def click_row(panel: QWidget, table: str, text: str, column: int = 0) -> None:
    """Click the row of a table that has this text in a column."""
    view = part(panel, table, QTableView)
    rows = view.model()
    for row in range(rows.rowCount()):
        index = rows.index(row, column)
        if index.data() == text:
            view.scrollTo(index)
            place = view.visualRect(index).center()
            QTest.mouseClick(view.viewport(), LEFT, pos=place)
            rest(panel)
            return
    raise LookupError(f"{table} has no {text!r}")


def rest(panel: QWidget) -> None:
    """Wait until the panel computes nothing, and what follows from it is done too."""
    settle()
    while _is_busy(panel):
        settle()
    settle()


def _is_busy(panel: QWidget) -> bool:
    works = (getattr(panel, name, None) for name in WORKS)
    return not getattr(panel, "is_at_rest", True) or any(
        work is not None and work.is_busy for work in works
    )


def settle() -> None:
    """Let Qt draw, deliver and delete what is due."""
    loop = QEventLoop()
    QTimer.singleShot(250, loop.quit)
    loop.exec()


def the_main_job(window: Window) -> None:
    """Scan and reference opened, segmented; then each panel that shows the result."""
    window.open(SAMPLE / "ct_phantom")
    window.open(SAMPLE / "ct_phantom_reference.nii.gz")
    window.viewer.layers[-1].visible = False
    for show in (segment, views, scores, correct, lesions, structures):
        show(window)
        window.close_panels()


def segment(window: Window) -> None:
    """The result, and what is known of the model."""
    panel = window.panel("Segment")
    choose(panel, "Model", MODEL)
    press(panel, "About this model")
    press(panel, "Segment")
    window.fit()
    window.save("segment")


def views(window: Window) -> None:
    """Three planes through the middle of the liver, in the window for it."""
    panel = window.panel("Views")
    choose(panel, "Window preset", "Liver")
    press(panel, "Three planes")
    window.fit()
    window.save("views")
    press(panel, "Three planes")


def scores(window: Window) -> None:
    """The errors where one structure is worst, and the plots."""
    panel = window.panel("Scores")
    press(panel, "Compute")
    choose(panel, "Errors shown", "All structures")
    click_row(panel, "Scores", "liver tumour")
    click_row(panel, "Scores", "liver tumour")
    window.fit()
    window.save("scores")
    part(panel, "Scores as table or plot", QTabWidget).setCurrentIndex(1)
    window.save("plots")
    choose(panel, "Errors shown", "Off")
    part(panel, "Scores as table or plot", QTabWidget).setCurrentIndex(0)
    click_row(panel, "Scores", CORRECTED)
    click_row(panel, "Scores", CORRECTED)


def correct(window: Window) -> None:
    """What a tool would change, before it does."""
    panel = window.panel("Correct")
    choose(panel, "Structure", CORRECTED)
    choose(panel, "Tool", "Geodesic active contour")
    camera_of(window.viewer).zoom *= 3  # as the mouse wheel does
    window.save("correct")


def structures(window: Window) -> None:
    """Names and volumes, then surfaces of all."""
    panel = window.panel("Structures")
    window.fit()
    window.save("structures")
    part(panel, "Structures", QTableView).selectAll()
    press(panel, "3D surface")
    part(panel, "Structures", QTableView).clearSelection()
    window.save("structures_3d")


def lesions(window: Window) -> None:
    """The lesions of the model's result, and the one that it missed."""
    panel = window.panel("Lesions")
    choose(panel, "Method", "Watershed (distance)")
    press(panel, "Separate lesions")
    window.fit()
    click_row(panel, "Lesions", "1")
    camera_of(window.viewer).zoom *= 2
    window.save("lesions")
    choose(panel, "Reference", "ct_phantom_reference")
    press(panel, "Score")
    click_row(panel, "Judged lesions", "missed", column=3)
    window.save("lesions_judged")


def review(window: Window, folder: Path) -> None:
    """A cohort of phantoms, segmented by one model in two ways."""
    panel = window.panel("Cohort review")
    panel.open_folder(folder)
    rest(panel)
    press(panel, "Next case")
    window.save("review")
    tick(panel, "Side by side")
    window.save("review_side_by_side")


def write_cohort(folder: Path) -> None:
    """The ten phantoms with two predictions each, and a table of their scores."""
    for part_of_it in ("imagesTr", "labelsTr"):
        copytree(SAMPLE / "Task90_PhantomAbdomen" / part_of_it, folder / part_of_it)
    for model in MODELS:
        copytree(SAMPLE / "predictions" / model, folder / model)
    files = medseg.StudyFiles(
        reference=folder / "labelsTr",
        models={model: folder / model for model in MODELS},
    )
    few = medseg.BootstrapSettings(resamples=999)  # of intervals, which are not shown
    settings = medseg.StudySettings(bootstrap=few)
    scoring = medseg.EvaluationSettings(tolerance_mm=2.0)
    medseg.run_study(files, folder / "study", settings=settings, scoring=scoring)


def main() -> None:
    """Make every picture."""
    IMAGES.mkdir(exist_ok=True)
    window = Window()
    the_main_job(window)
    window.viewer.close()
    with TemporaryDirectory() as folder:
        cohort = Path(folder) / "study"
        write_cohort(cohort)
        window = Window()
        review(window, cohort)
        window.close_panels()
        window.viewer.close()


if __name__ == "__main__":
    main()
