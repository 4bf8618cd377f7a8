"""The main job as a radiologist does it: open, segment, compare, go and look."""

import numpy as np
import pytest
from qtpy.QtWidgets import QComboBox, QPushButton, QTableView

import medseg
from tests.plugin.widgets import message, part

pytestmark = [pytest.mark.gui, pytest.mark.slow]


@pytest.fixture
def study(tmp_path):
    """A DICOM series and its reference, made as the sample data are."""
    phantom = medseg.make_phantom(medseg.SAMPLE_SEED)
    medseg.write_phantom_series(phantom, tmp_path / "CT_ABDOMEN")
    medseg.write_segmentation(phantom.reference, tmp_path / "reference.nii.gz")
    return tmp_path


def click_and_wait(qtbot, panel, name):
    part(panel, name, QPushButton).click()
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=300_000)


def test_from_dicom_to_scores_and_to_the_structure(make_napari_viewer, qtbot, study):
    viewer = make_napari_viewer(show=True)
    viewer.open(study / "CT_ABDOMEN", plugin="medseg")
    viewer.open(study / "reference.nii.gz", plugin="medseg")
    _, segment = viewer.window.add_plugin_dock_widget("medseg", "Segment")
    _, scores = viewer.window.add_plugin_dock_widget("medseg", "Scores")

    part(segment, "Model", QComboBox).setCurrentText("phantom-abdomen")
    click_and_wait(qtbot, segment, "Segment")
    assert "structures found" in message(segment, "Status of the segmentation")
    made = viewer.layers[-1]

    click_and_wait(qtbot, scores, "Compute")
    table = part(scores, "Scores", QTableView).model()
    dice = {
        table.index(row, 0).data(): float(table.index(row, 1).data())
        for row in range(table.rowCount())
    }
    assert min(dice[organ] for organ in dice if "tumour" not in organ) >= 0.9
    assert dice["liver tumour"] >= 0.75

    tumour = list(dice).index("liver tumour")
    part(scores, "Scores", QTableView).clicked.emit(table.index(tumour, 0))
    index = np.round(made.world_to_data(viewer.dims.point)).astype(int)
    labels = dict(zip(made.features["structure"], made.features["index"], strict=True))
    assert made.data[tuple(index)] == labels["liver tumour"]
