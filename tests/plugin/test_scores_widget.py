import csv
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QGuiApplication
from qtpy.QtWidgets import QComboBox, QFileDialog, QPushButton, QTableView

import medseg
from napari_medseg._layer_box import LayerBox
from napari_medseg._layers import segmentation_layer, volume_layers
from napari_medseg._scores_widget import ScoresWidget
from tests.plugin.scans import LABELS, marker_labels, marker_scan
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui
STATUS = "Status of the scores"


def shifted_labels():
    """The reference moved by a voxel, as if a model had made it."""
    labels = marker_labels()
    made = medseg.Provenance(
        case_id="c1",
        input_sha256="",
        model="shift",
        model_sha256="",
        versions=(),
        settings=(),
    )
    return replace(labels, array=np.roll(labels.array, 1, 0), provenance=made)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    array, options, _ = volume_layers(marker_scan(), "scan")[0]
    viewer.add_image(array, **options)
    for name, labels in (("mine", shifted_labels()), ("truth", marker_labels())):
        array, options, _ = segmentation_layer(labels, name)
        viewer.add_labels(array, **options)
    return viewer


@pytest.fixture
def panel(qtbot, viewer):
    panel = ScoresWidget(viewer)
    qtbot.addWidget(panel)
    yield panel
    panel.end()


@pytest.fixture
def scored(qtbot, panel):
    compute(qtbot, panel)
    return panel


def compute(qtbot, panel):
    part(panel, "Compute", QPushButton).click()
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=30_000)


def cells(panel):
    model = part(panel, "Scores", QTableView).model()
    return [
        [model.index(row, column).data() for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def test_the_models_result_is_compared_with_the_other_labels(panel):
    assert part(panel, "Prediction", LayerBox).currentText() == "mine"
    assert part(panel, "Reference", LayerBox).currentText() == "truth"


def test_two_different_layers_are_chosen_when_no_model_made_either(viewer, panel):
    array, options, _ = segmentation_layer(marker_labels(), "second reader")
    viewer.add_labels(array, **options)
    viewer.layers.remove("mine")

    assert part(panel, "Prediction", LayerBox).currentText() == "second reader"
    assert part(panel, "Reference", LayerBox).currentText() == "truth"


def test_the_table_shows_the_scores_of_the_core(scored):
    truth = medseg.score(shifted_labels(), marker_labels())

    assert [row[:3] for row in cells(scored)] == [
        [row.structure, f"{row.dice:.3f}", f"{row.iou:.3f}"] for row in truth.rows
    ]
    assert [row[5] for row in cells(scored)] == ["in both", "in both"]


def test_a_scan_adds_hounsfield_units(qtbot, panel):
    table = part(panel, "Scores", QTableView)
    compute(qtbot, panel)
    assert table.isColumnHidden(6)

    part(panel, "Scan", QComboBox).setCurrentIndex(1)
    compute(qtbot, panel)

    assert not table.isColumnHidden(6)
    assert float(cells(panel)[1][6]) > 100


def test_a_structure_that_was_not_found_is_called_so(qtbot, viewer, panel):
    viewer.layers["mine"].data[viewer.layers["mine"].data == 2] = 0

    compute(qtbot, panel)

    assert cells(panel)[1][1] == "0.000"
    assert cells(panel)[1][5] == "not found"


def test_each_row_has_the_colour_of_its_structure(scored):
    model = part(scored, "Scores", QTableView).model()
    role = Qt.ItemDataRole.DecorationRole

    shown = [model.index(row, 0).data(role) for row in range(model.rowCount())]

    assert shown == [QColor(*structure.colour) for structure in LABELS]


@pytest.mark.parametrize("column", [0, 1, 3])
def test_columns_sort_by_number_or_name(scored, column):
    table = part(scored, "Scores", QTableView)

    table.sortByColumn(column, Qt.SortOrder.AscendingOrder)
    ascending = [row[column] for row in cells(scored)]
    table.sortByColumn(column, Qt.SortOrder.DescendingOrder)

    key = str if column == 0 else float
    assert ascending == sorted(ascending, key=key)
    assert [row[column] for row in cells(scored)] == ascending[::-1]


@pytest.mark.parametrize("row", [0, 1])
def test_a_click_on_a_row_moves_the_view_into_the_structure(scored, viewer, row):
    table = part(scored, "Scores", QTableView)

    table.clicked.emit(table.model().index(row, 0))

    layer = viewer.layers["mine"]
    index = np.round(layer.world_to_data(viewer.dims.point)).astype(int)
    assert layer.data[tuple(index)] == LABELS.ids[row]
    shown = [viewer.dims.point[axis] for axis in viewer.dims.displayed]
    assert_allclose(viewer.scene.camera.center[-2:], shown)


def test_an_edit_asks_to_compute_again(scored, viewer):
    assert "edited" not in message(scored, STATUS)

    viewer.layers["mine"].paint((5, 5, 5), 2)

    assert "Compute again" in message(scored, STATUS)


def test_the_table_can_be_pasted_into_a_spreadsheet(scored):
    part(scored, "Copy", QPushButton).click()

    header, *rows = QGuiApplication.clipboard().text().splitlines()
    assert header.startswith("case\tstructure\tlabel")
    assert len(rows) == 2


def test_the_table_can_be_saved(scored, tmp_path, monkeypatch):
    path = tmp_path / "scores"  # the suffix is added
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_args: (str(path), "CSV")
    )

    part(scored, "Save CSV", QPushButton).click()

    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["structure"] for row in rows] == ["liver", "liver tumour"]
    assert message(scored, STATUS) == "Saved scores.csv."


def test_the_means_stand_below_the_table(scored):
    truth = medseg.score(shifted_labels(), marker_labels())

    shown = message(scored, "Mean scores")

    assert shown == (f"Mean of 2: Dice {truth.mean_dice:.3f}, IoU {truth.mean_iou:.3f}")


def test_two_layers_are_needed(qtbot, viewer, panel):
    viewer.layers.remove("truth")

    compute(qtbot, panel)

    assert message(panel, STATUS) == "Choose two different layers."
    assert cells(panel) == []


def test_layers_on_other_grids_are_refused_in_one_line(qtbot, viewer, panel):
    viewer.layers["truth"].translate = np.add(viewer.layers["truth"].translate, 7)

    compute(qtbot, panel)

    assert message(panel, STATUS).startswith("GRID_MISMATCH")
    assert cells(panel) == []


def test_every_control_has_a_name_and_a_tooltip(panel):
    controls = [*panel.findChildren(QPushButton), *panel.findChildren(QComboBox)]

    assert [c for c in controls if not (c.accessibleName() and c.toolTip())] == []
