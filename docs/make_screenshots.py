"""Make the pictures of the napari plugin: every panel, with phantoms and real results.

xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_screenshots.py
"""

from collections.abc import Sequence
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import napari
import numpy as np
from napari.layers import Labels, Surface
from napari.utils.colormaps import DirectLabelColormap
from PIL import Image
from qtpy.QtCore import QEventLoop, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QComboBox,
    QDockWidget,
    QDoubleSpinBox,
    QInputDialog,
    QMainWindow,
    QTableView,
    QWidget,
)

import medseg
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.orientation import go_to

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "sample_data"
IMAGES = ROOT / "docs" / "images"
MODEL = "phantom-abdomen"
MODELS = "quick", "full"
GALLBLADDER = 65.0, 61.0, 28.0  # a voxel of the sample (i, j, k)
COMPARED = "phantom_003"
LESION = "liver tumour"
WIDTH, HEIGHT = 1400, 860
LAYER_LIST_WIDTH = 385
WHITE = "#ffffff"
LEFT = Qt.MouseButton.LeftButton
WORKS = "background", "details", "updates", "surfaces", "reader"


class Window:
    """A napari window whose controls are clicked as a user would."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(show=True, show_welcome_screen=False)
        self.viewer.theme = "dark"
        self.viewer.window.resize(WIDTH, HEIGHT)
        self.widen_layer_list()

    def open(self, path: Path) -> None:
        """Open a scan or a label map with MedSeg."""
        self.viewer.open(path, plugin="medseg")
        settle()

    def widen_layer_list(self) -> None:
        """Make room for the names of layers, as a drag of the border does."""
        settle()
        for window in QApplication.topLevelWidgets():
            if isinstance(window, QMainWindow) and window.isVisible():
                docks = window.findChildren(QDockWidget, "layer list")
                widths = [LAYER_LIST_WIDTH] * len(docks)
                window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)
        settle()

    def panel(self, name: str) -> QWidget:
        """Open a panel."""
        _, panel = self.viewer.window.add_plugin_dock_widget("medseg", name)
        self.widen_layer_list()
        return panel

    def call(self, name: str) -> None:
        """Give the topmost layer a name that the list has room for."""
        self.viewer.layers[-1].name = name

    def look_at(self, place_sar_mm: Sequence[float], zoom: float) -> None:
        """Go to a point, and nearer, as the mouse wheel does."""
        go_to(self.viewer, place_sar_mm)
        camera_of(self.viewer).zoom *= zoom
        settle()

    def close_panels(self) -> None:
        """Close every panel."""
        self.viewer.window.remove_dock_widget("all")
        settle()

    def labels(self, words: str) -> Labels:
        """The topmost Labels layer whose name has these words at its start."""
        layers = (each for each in self.viewer.layers if isinstance(each, Labels))
        return [layer for layer in layers if layer.name.startswith(words)][-1]

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
    window.call("CT phantom")
    window.open(SAMPLE / "ct_phantom_reference.nii.gz")
    window.call("reference")
    window.viewer.layers[-1].visible = False
    for show in (segment, views, scores, structures, lesions, correct):
        show(window)
        window.close_panels()


def segment(window: Window) -> None:
    """The result, and how it was made."""
    panel = window.panel("Segment")
    choose(panel, "Model", MODEL)
    press(panel, "Segment")
    press(panel, "Provenance")
    window.fit()
    window.save("segment")
    window.call(MODEL)


def views(window: Window) -> None:
    """Three planes through the middle of the liver, in the window for it."""
    panel = window.panel("Views")
    choose(panel, "Window preset", "Liver")
    press(panel, "Three planes")
    window.fit()
    window.save("views")
    press(panel, "Three planes")


def scores(window: Window) -> None:
    """The errors where one structure is worst."""
    panel = window.panel("Scores")
    press(panel, "Compute")
    choose(panel, "Errors shown", "All structures")
    click_row(panel, "Scores", "liver tumour")
    click_row(panel, "Scores", "liver tumour")
    window.fit()
    window.save("scores")
    choose(panel, "Errors shown", "Off")


def correct(window: Window) -> None:
    """What a tool would add, before it does: an organ that the model does not know."""
    panel = window.panel("Correct")
    scan = medseg.read_volume(SAMPLE / "ct_phantom")
    window.look_at(scan.geometry.to_world(np.array(GALLBLADDER))[::-1].tolist(), 3)
    answer("gallbladder")
    press(panel, "New structure")
    choose(panel, "Tool", "Region growing (confidence connected)")
    part(panel, "Deviations", QDoubleSpinBox).setValue(2.0)
    press(panel, "Middle of the view")
    window.save("correct")


def answer(text: str) -> None:
    """Type an answer into the question that comes next, and take it."""

    def typed() -> None:
        question = QApplication.activeModalWidget()
        if isinstance(question, QInputDialog):
            question.setTextValue(text)
            question.accept()

    QTimer.singleShot(500, typed)


def structures(window: Window) -> None:
    """Surfaces of all, with names and volumes."""
    panel = window.panel("Structures")
    choose(panel, "Labels", MODEL)
    part(panel, "Structures", QTableView).selectAll()
    press(panel, "3D surface")
    part(panel, "Structures", QTableView).clearSelection()
    camera_of(window.viewer).zoom *= 1.5
    window.save("structures_3d")
    window.viewer.dims.ndisplay = 2
    for layer in list(window.viewer.layers):
        if isinstance(layer, Surface):
            window.viewer.layers.remove(layer)


def lesions(window: Window) -> None:
    """The lesions of the model's result, and the one that it missed."""
    panel = window.panel("Lesions")
    choose(panel, "Method", "Watershed (distance)")
    press(panel, "Separate lesions")
    window.fit()
    click_row(panel, "Lesions", "1")
    camera_of(window.viewer).zoom *= 2
    window.save("lesions")
    choose(panel, "Reference", "reference")
    press(panel, "Score")
    click_row(panel, "Judged lesions", "missed", column=3)
    tick(panel, "Diameters and box")
    reference = window.labels("reference")
    outline_alone(reference, LESION)
    layers = window.viewer.layers
    layers.move(layers.index(reference), len(layers))
    camera_of(window.viewer).zoom *= 2.5
    window.save("lesions_judged")
    window.fit()
    layers.remove(reference)
    layers.remove(window.labels("lesions of"))


def number_of(labels: Labels, structure: str) -> int:
    """Number of a structure in a label map."""
    names = labels.features.set_index("index")["structure"]
    (label,) = names.index[names == structure]
    return int(label)


def outline_alone(layer: Labels, structure: str) -> None:
    """Show one structure of a label map, as a white line."""
    label = number_of(layer, structure)
    layer.colormap = DirectLabelColormap(color_dict={None: "transparent", label: WHITE})
    layer.contour, layer.opacity, layer.visible = 1, 1.0, True


def review(window: Window, folder: Path) -> None:
    """A cohort of phantoms, segmented by one model in two ways."""
    panel = window.panel("Cohort review")
    panel.open_folder(folder)
    rest(panel)
    click_row(panel, "Cases", COMPARED, column=1)
    tick(panel, "Side by side")
    window.look_at(where_they_differ(window), 3)
    window.save("review_side_by_side")


def where_they_differ(window: Window) -> Sequence[float]:
    """The middle of the lesion in the slice in which both models differ most (SAR)."""
    one, other = (np.asarray(window.labels(model).data) for model in MODELS)
    label = number_of(window.labels(MODELS[0]), LESION)
    differ = (one == label) != (other == label)
    slice_index = int(differ.sum(axis=(1, 2)).argmax())
    middle = np.argwhere(differ[slice_index]).mean(axis=0)
    place: Sequence[float] = window.labels(MODELS[0]).data_to_world(
        (slice_index, *middle)
    )
    return place


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
