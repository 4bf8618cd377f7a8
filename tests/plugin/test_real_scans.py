"""Real scans in a real window: DICOM in, a model, DICOM-SEG out; scores; a cancel."""

import numpy as np
import pytest
from qtpy.QtWidgets import QComboBox, QPushButton, QTableView

import medseg
from napari_medseg.layers.conversion import segmentation_of
from napari_medseg.saving.dicom import DicomLabels
from napari_medseg.viewing.camera import camera_of
from tests.plugin.widgets import message, part

pytestmark = [pytest.mark.gui, pytest.mark.slow]

SERIES = "dicom/mr_hippocampus/Study1/13_HCropVolume"
TASK = "Task04_Hippocampus"
STATUS = "Status of the segmentation"


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


def segment_panel(viewer):
    _, panel = viewer.window.add_plugin_dock_widget("medseg", "Segment")
    part(panel, "Model", QComboBox).setCurrentText("hippocampus")
    return panel


def click_and_wait(qtbot, panel, name):
    part(panel, name, QPushButton).click()
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=300_000)


def test_a_real_series_is_segmented_and_saved_as_dicom_that_reads_the_same(
    viewer, qtbot, real_data, tmp_path
):
    viewer.open(real_data / SERIES, plugin="medseg")
    panel = segment_panel(viewer)

    click_and_wait(qtbot, panel, "Segment")

    assert "2 structures found" in message(panel, STATUS)
    shown = segmentation_of(viewer.layers[-1], viewer.layers)
    labels = DicomLabels.of(viewer.layers[-1], viewer.layers)
    path = labels.write(tmp_path / "labels.dcm", medseg.SegmentationFormat.DICOM_SEG)
    scan = medseg.read_volume(real_data / SERIES)
    read = medseg.read_segmentation(path, source=scan)
    np.testing.assert_array_equal(read.array, shown.array)
    assert read.labels.names == shown.labels.names
    assert read.geometry.is_same_grid(scan.geometry)
    for name in read.labels.names:
        assert 0.5 < read.volume_ml(name) < 5  # half a hippocampus


def test_a_real_series_whose_segmentation_is_cancelled_stays_alone(
    viewer, qtbot, real_data
):
    viewer.open(real_data / SERIES, plugin="medseg")
    panel = segment_panel(viewer)
    part(panel, "Segment", QPushButton).click()

    click_and_wait(qtbot, panel, "Cancel")

    assert message(panel, STATUS) == "Cancelled. Nothing was added."
    assert len(viewer.layers) == 1


def test_scores_of_a_real_case_lead_to_the_structure(viewer, qtbot, real_data):
    dataset = medseg.read_dataset(real_data / TASK)
    case = dataset.cases[0]
    assert case.reference is not None
    viewer.open(case.images[0], plugin="medseg")
    click_and_wait(qtbot, segment_panel(viewer), "Segment")
    made = viewer.layers[-1]
    viewer.open(case.reference, plugin="medseg")
    _, scores = viewer.window.add_plugin_dock_widget("medseg", "Scores")
    part(scores, "Prediction", QComboBox).setCurrentText(made.name)
    part(scores, "Reference", QComboBox).setCurrentText(viewer.layers[-1].name)

    click_and_wait(qtbot, scores, "Compute")

    table = part(scores, "Scores", QTableView).model()
    reference = medseg.read_segmentation(case.reference, dataset.labels)
    expected = medseg.score(segmentation_of(made, viewer.layers), reference)
    shown = [float(table.index(row, 1).data()) for row in range(table.rowCount())]
    assert shown == pytest.approx([row.dice for row in expected.rows], abs=5e-4)
    assert min(shown) > 0.7
    for row, structure in enumerate(expected.rows):
        part(scores, "Scores", QTableView).clicked.emit(table.index(row, 0))
        index = np.round(made.world_to_data(viewer.dims.point)).astype(int)
        assert made.data[tuple(index)] == structure.label
        in_the_middle_mm = camera_of(viewer).center[1:]
        assert in_the_middle_mm == pytest.approx(viewer.dims.point[1:])
