"""docs/walkthrough.md, done: its steps in a real window, and its words in bold."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication, QTabWidget

import medseg
from medseg.cli.app import run
from napari_medseg.correct.widget import CorrectWidget
from napari_medseg.help import shortcuts_of
from napari_medseg.lesions.widget import LesionsWidget
from napari_medseg.review.widget import ReviewWidget
from napari_medseg.scores.widget import ScoresWidget
from napari_medseg.segment.widget import SegmentWidget
from napari_medseg.structures.widget import StructuresWidget
from napari_medseg.viewing.grid import grid_of
from napari_medseg.viewing.orientation import orient
from napari_medseg.viewing.widget import ViewsWidget
from tests.plugin.hands import (
    Window,
    choose,
    click,
    click_row,
    column_of,
    name_file,
    press_ok,
    select_row,
)
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/walkthrough.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
CASES = ("phantom_000", "phantom_001", "phantom_009")
MINUTE_MS = 60_000


@pytest.fixture
def scan_folder(tmp_path):
    """A DICOM series of few slices, and its reference."""
    phantom = medseg.make_phantom(
        medseg.SAMPLE_SEED, shape=(80, 80, 36), spacing_mm=(4.4, 4.4, 6.0)
    )
    medseg.write_phantom_series(phantom, tmp_path / "CT_ABDOMEN")
    medseg.write_segmentation(phantom.reference, tmp_path / "reference.nii.gz")
    return tmp_path


class Walk:
    """One reader of the guide at a window."""

    def __init__(self, viewer, qtbot, folder: Path) -> None:
        self.viewer = viewer
        self.window = Window()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        # Without a window manager a new window need not get the focus.
        application.focusWindowChanged.emit(None)
        self._qtbot = qtbot
        self._folder = folder

    def until(self, is_done) -> None:
        self._qtbot.waitUntil(is_done, timeout=3 * MINUTE_MS)

    def rest(self, panel) -> None:
        self.until(lambda: not panel.background.is_busy)

    def open_a_scan(self) -> None:
        folder = name_file(self._folder / "CT_ABDOMEN")
        with self.window.answering(folder, press_ok):
            self.window.choose("File > Open Folder...")
        assert [type(layer).__name__ for layer in self.viewer.layers] == ["Image"]

    def check_window_and_planes(self) -> None:
        views = self.window.panel("Views", ViewsWidget)
        choose(views, "Window preset", "Liver")
        assert self.viewer.layers[0].contrast_limits == [-72.5, 232.5]
        click(views, "Coronal")
        assert self.viewer.dims.order == (1, 0, 2)
        click(views, "Three planes")
        assert self.viewer.dims.order == (0, 1, 2)
        click(views, "Three planes")

    def segment(self) -> None:
        panel = self.window.panel("Segment", SegmentWidget)
        choose(panel, "Model", "phantom-abdomen")
        click(panel, "▸ More settings")
        click(panel, "Average over mirrored copies")
        click(panel, "Segment")
        self.rest(panel)
        assert "5 of 5 structures found" in message(panel, "Status of the segmentation")

    def look_at_structures(self) -> None:
        panel = self.window.panel("Structures", StructuresWidget)
        self.rest(panel)
        assert column_of(panel, "Structures", 0)[:2] == ["liver", "spleen"]
        select_row(panel, "Structures", "spleen")
        click(panel, "Go to")
        click(panel, "3D surface")
        self.until(lambda: self.viewer.dims.ndisplay == 3)
        self.viewer.dims.ndisplay = 2
        table = self._folder / "volumes.csv"
        with self.window.answering(name_file(table)):
            click(panel, "Save CSV…")
        assert "spleen" in table.read_text(encoding="utf-8")

    def count_the_lesions(self) -> None:
        panel = self.window.panel("Lesions", LesionsWidget)
        click(panel, "Separate lesions")
        self.rest(panel)
        assert "lesion" in message(panel, "Lesions in all")

    def compare_with_a_reference(self) -> ScoresWidget:
        file = name_file(self._folder / "reference.nii.gz")
        with self.window.answering(file, press_ok):
            self.window.choose("File > Open File(s)...")
        scores = self.window.panel("Scores", ScoresWidget)
        click(scores, "Compute")
        self.rest(scores)
        return scores

    def go_to_the_worst_slice(self, scores) -> None:
        choose(scores, "Errors shown", "All structures")
        self.until(lambda: "errors" in self.viewer.layers)
        click_row(scores, "Scores", "liver tumour")
        self.until(lambda: not scores.details.is_busy)
        click_row(scores, "Scores", "liver tumour")
        assert "liver tumour: " in message(scores, "Status of the scores")
        part(scores, "Scores as table or plot", QTabWidget).setCurrentIndex(1)
        choose(scores, "Errors shown", "Off")

    def correct(self) -> None:
        panel = self.window.panel("Correct", CorrectWidget)
        made = self.labels("phantom-abdomen of")
        choose(panel, "Labels", made.name)
        choose(panel, "Structure", "right kidney")
        choose(panel, "Tool", "Geodesic active contour")

        def said() -> str:
            return message(panel, "Status of the correction")

        self.until(lambda: "right kidney: " in said())
        kept = np.array(made.data)
        click(panel, "Apply")
        self.until(lambda: said().startswith("Done."))
        self.until(lambda: panel.is_at_rest)
        edited = self.labels("edited")
        assert not np.array_equal(edited.data, kept)
        assert np.array_equal(made.data, kept)
        click(panel, "Undo")
        self.until(lambda: np.array_equal(edited.data, kept))

    def save(self) -> Path:
        path = self._folder / "labels.seg.dcm"
        self.viewer.layers.selection.active = self.labels("edited")
        with self.window.answering(name_file(path)):
            self.window.choose(
                "File > IO Utilities > Save selected labels as DICOM-SEG… (MedSeg)"
            )
        self.until(path.exists)
        return path

    def labels(self, words: str):
        names = [layer.name for layer in self.viewer.layers]
        return self.viewer.layers[next(name for name in names if words in name)]


def bold_words() -> set[str]:
    found = re.findall(r"\*\*(.+?)\*\*", GUIDE, re.DOTALL)
    return {" ".join(words.split()) for words in found} - {"bold"}


def commands() -> list[list[str]]:
    lines = "".join(re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)).splitlines()
    start = ".venv/bin/medseg "
    return [line.split()[1:] for line in lines if line.startswith(start)]


@pytest.mark.slow
def test_from_a_scan_to_the_table_of_a_paper(make_napari_viewer, qtbot, scan_folder):
    walk = Walk(make_napari_viewer(show=True), qtbot, scan_folder)

    walk.open_a_scan()
    walk.check_window_and_planes()
    walk.segment()
    walk.look_at_structures()
    walk.count_the_lesions()
    scores = walk.compare_with_a_reference()
    walk.go_to_the_worst_slice(scores)
    walk.correct()
    saved = walk.save()

    assert column_of(scores, "Scores", 0)[-1] == "liver tumour"
    read = medseg.read_segmentation(saved)
    assert [structure.name for structure in read.labels][:2] == ["liver", "spleen"]
    walk.window.panel("Cohort review", ReviewWidget)
    assert bold_words() - walk.window.seen == set()


@pytest.mark.slow
def test_many_scans_scored_and_reviewed(
    make_napari_viewer, qtbot, tmp_path, monkeypatch
):
    study = tmp_path / "my-study"
    sources = {
        "images": "Task90_PhantomAbdomen/imagesTr",
        "references": "Task90_PhantomAbdomen/labelsTr",
        "model-b": "predictions/quick",
    }
    for part_of_it, source in sources.items():
        (study / part_of_it).mkdir(parents=True)
        for case in CASES:
            for file in (ROOT / "sample_data" / source).glob(f"{case}.*"):
                shutil.copy(file, study / part_of_it)
    monkeypatch.chdir(tmp_path)

    segment_all, *score = commands()
    assert run(segment_all) == 0
    assert "cp -r my-study/night/segmentations my-study/model-a\n" in GUIDE
    shutil.copytree(study / "night/segmentations", study / "model-a")
    assert [run(words) for words in score] == [0, 0]
    report = (study / "study/report.html").read_text(encoding="utf-8")
    assert "Means with 95 % confidence intervals" in report

    walk = Walk(make_napari_viewer(show=True), qtbot, tmp_path)
    review = walk.window.panel("Cohort review", ReviewWidget)
    with walk.window.answering(name_file(study)):
        click(review, "Open folder…")
    walk.rest(review)
    assert len(column_of(review, "Cases", 1)) == len(CASES)
    click(review, "Next ▶")
    walk.until(lambda: len(walk.viewer.layers) == 4)
    click(review, "Side by side")
    assert grid_of(walk.viewer).enabled
    click(review, "✗ Reject")
    walk.until((study / "medseg-review.json").exists)


def test_the_commands_to_install_are_those_of_the_readme():
    lines = [line for line in GUIDE.splitlines() if line.startswith("python3 -m ")]
    assert len(lines) == 2
    assert all(line in README.splitlines() for line in lines)


def test_pictures_and_linked_files_are_there():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", GUIDE):
        assert (ROOT / "docs" / target).exists(), target


def test_every_key_is_in_the_table_of_the_panels_page():
    viewer = ViewerModel()
    orient(viewer)
    page = (ROOT / "docs/napari.md").read_text(encoding="utf-8")
    assert [
        key.keys for key in shortcuts_of(viewer) if f"`{key.keys}`" not in page
    ] == []
