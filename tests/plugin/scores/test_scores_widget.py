import csv
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose, assert_array_equal
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QPushButton,
    QTableView,
)

import medseg
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.layers.conversion import (
    HELPER_KEY,
    Origin,
    segmentation_layer,
    segmentation_of,
    volume_layers,
)
from napari_medseg.scores.details import ErrorScope
from napari_medseg.scores.widget import ScoresWidget
from napari_medseg.session.layers import taken_layers
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.orientation import Plane, show_plane
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
    truth = medseg.score(shifted_labels(), marker_labels(), tolerance_mm=2.0)

    assert [row[4] for row in cells(scored)] == [f"{row.nsd:.3f}" for row in truth.rows]
    assert [row[:3] for row in cells(scored)] == [
        [row.structure, f"{row.dice:.3f}", f"{row.iou:.3f}"] for row in truth.rows
    ]
    assert [row[3] for row in cells(scored)] == [
        f"{row.hd95_mm:.1f}" for row in truth.rows
    ]
    assert [row[7] for row in cells(scored)] == ["both", "both"]


def test_a_scan_adds_hounsfield_units(qtbot, panel):
    table = part(panel, "Scores", QTableView)
    compute(qtbot, panel)
    assert table.isColumnHidden(8)

    part(panel, "Scan", QComboBox).setCurrentIndex(1)
    compute(qtbot, panel)

    assert not table.isColumnHidden(8)
    assert float(cells(panel)[1][8]) > 100


def test_a_structure_that_was_not_found_is_called_so(qtbot, viewer, panel):
    viewer.layers["mine"].data[viewer.layers["mine"].data == 2] = 0

    compute(qtbot, panel)

    assert cells(panel)[1][1] == "0.000"
    assert cells(panel)[1][7] == "missed"


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
    assert_allclose(camera_of(viewer).center[-2:], shown)


def edited(qtbot, panel):
    """Wait until an edit has been noticed and dealt with."""
    qtbot.waitUntil(lambda: "dit" in message(panel, STATUS), timeout=30_000)
    qtbot.waitUntil(lambda: not panel.updates.is_busy, timeout=30_000)


def test_an_edit_is_scored(qtbot, scored, viewer):
    layer = viewer.layers["mine"]

    layer.paint((5, 5, 5), 2)

    edited(qtbot, scored)
    prediction = segmentation_of(layer, viewer.layers)
    anew = medseg.score(prediction, marker_labels())
    assert [row[1] for row in cells(scored)] == [f"{row.dice:.3f}" for row in anew.rows]
    assert message(scored, STATUS).startswith("Updated after an edit:")


def test_an_edit_undone_is_scored_too(qtbot, scored, viewer):
    before = cells(scored)
    viewer.layers["mine"].paint((5, 5, 5), 2)
    edited(qtbot, scored)
    assert cells(scored) != before

    viewer.layers["mine"].undo()

    qtbot.waitUntil(lambda: cells(scored) == before, timeout=30_000)


def test_scores_of_labels_that_were_moved_are_said_to_be(qtbot, scored, viewer):
    viewer.layers["mine"].translate = viewer.layers["mine"].translate + 3.0

    qtbot.waitUntil(lambda: "compute again" in message(scored, STATUS))


def test_a_step_to_another_slice_is_no_edit(qtbot, scored, viewer):
    said = message(scored, STATUS)

    viewer.dims.set_point(0, 120.0)
    qtbot.wait(600)

    assert not scored.updates.is_busy
    assert message(scored, STATUS) == said


def looked_closer(qtbot, panel):
    qtbot.waitUntil(lambda: not panel.details.is_busy, timeout=30_000)


def click_row(qtbot, panel, row):
    table = part(panel, "Scores", QTableView)
    table.clicked.emit(table.model().index(row, 0))
    looked_closer(qtbot, panel)


def voxel_seen(viewer, layer):
    return tuple(np.round(layer.world_to_data(viewer.dims.point)).astype(int))


@pytest.mark.parametrize("plane", list(Plane))
def test_a_second_click_goes_to_the_worst_slice_of_the_plane_seen(
    qtbot, scored, viewer, plane
):
    axis = list(Plane).index(plane)
    show_plane(viewer, plane)
    mine, truth = viewer.layers["mine"], viewer.layers["truth"]

    click_row(qtbot, scored, 0)
    click_row(qtbot, scored, 0)

    wrong = (mine.data == 1) ^ (truth.data == 1)
    by_slice = wrong.sum(axis=tuple({0, 1, 2} - {axis}))
    seen = voxel_seen(viewer, mine)
    assert by_slice[seen[axis]] == by_slice.max()
    assert wrong[seen]
    slider = viewer.dims.current_step[axis]
    last = mine.data.shape[axis] - 1
    words = f"worst {plane} slice {slider} (of 0 to {last})"
    assert words in message(scored, STATUS)


def test_of_lesions_the_worst_comes_before_the_worst_slice(qtbot, viewer, panel):
    mine, truth = viewer.layers["mine"], viewer.layers["truth"]
    truth.data[2, 3:5, 3:5] = 2  # a lesion that the prediction has not
    compute(qtbot, panel)

    click_row(qtbot, panel, 1)
    click_row(qtbot, panel, 1)

    assert "missed lesion" in message(panel, STATUS)
    s, a, r = voxel_seen(viewer, mine)
    assert (s, a in {3, 4}, r in {3, 4}) == (2, True, True)
    click_row(qtbot, panel, 1)
    assert "worst axial slice" in message(panel, STATUS)
    click_row(qtbot, panel, 1)
    assert "the structure" in message(panel, STATUS)


def show_errors(qtbot, panel, scope):
    part(panel, "Errors shown", QComboBox).setCurrentText(scope.value)
    looked_closer(qtbot, panel)


def test_errors_are_shown_on_the_grid_of_the_prediction(qtbot, scored, viewer):
    viewer.layers.selection.active = viewer.layers["mine"]

    show_errors(qtbot, scored, ErrorScope.ALL)

    shown = segmentation_of(viewer.layers["errors"], viewer.layers)
    wanted = medseg.error_map(shifted_labels(), marker_labels())
    assert_array_equal(shown.array, wanted.array)
    assert shown.labels == medseg.AGREEMENT_LABELS
    assert viewer.layers.selection.active is viewer.layers["mine"]


def visible(viewer):
    return {name: viewer.layers[name].visible for name in ("mine", "truth")}


def test_what_was_scored_is_hidden_while_errors_are_shown(qtbot, scored, viewer):
    viewer.layers["truth"].visible = False
    before = visible(viewer)

    show_errors(qtbot, scored, ErrorScope.ALL)
    assert visible(viewer) == {"mine": False, "truth": False}
    show_errors(qtbot, scored, ErrorScope.CHOSEN)
    assert visible(viewer) == {"mine": False, "truth": False}
    show_errors(qtbot, scored, ErrorScope.NONE)

    assert visible(viewer) == before


def test_what_the_user_shows_or_hides_meanwhile_stays_so(qtbot, scored, viewer):
    show_errors(qtbot, scored, ErrorScope.ALL)
    viewer.layers["mine"].visible = True
    viewer.layers["truth"].visible = True
    viewer.layers["truth"].visible = False

    show_errors(qtbot, scored, ErrorScope.CHOSEN)
    assert viewer.layers["mine"].visible
    show_errors(qtbot, scored, ErrorScope.NONE)

    assert visible(viewer) == {"mine": True, "truth": False}


@pytest.mark.parametrize("way", ["closed", "removed"])
def test_what_was_hidden_comes_back_when_errors_go(qtbot, scored, viewer, way):
    show_errors(qtbot, scored, ErrorScope.ALL)

    if way == "closed":
        scored.end()
    else:
        viewer.layers.remove("errors")

    assert visible(viewer) == {"mine": True, "truth": True}
    assert "errors" not in viewer.layers


def test_errors_are_a_panels_own_layer(qtbot, scored, viewer):
    show_errors(qtbot, scored, ErrorScope.ALL)
    show_errors(qtbot, scored, ErrorScope.CHOSEN)
    click_row(qtbot, scored, 1)

    assert HELPER_KEY in viewer.layers["errors"].metadata
    taken, left_out = taken_layers(viewer)
    assert [layer.name for layer in taken] == ["scan", "mine", "truth"]
    assert left_out == []


def test_a_session_shows_what_errors_only_hide(qtbot, scored, viewer):
    show_errors(qtbot, scored, ErrorScope.ALL)

    taken, _ = taken_layers(viewer)

    assert all(layer.look.visible for layer in taken)


def test_the_selected_row_keeps_its_colours(scored):
    table = part(scored, "Scores", QTableView)
    scored.show()
    table.selectRow(0)
    picture = table.viewport().grab().toImage()
    for column, role in ((0, "DecorationRole"), (1, "BackgroundRole")):
        index = table.model().index(0, column)
        wanted = index.data(getattr(Qt.ItemDataRole, role))
        box = table.visualRect(index)
        seen = [
            picture.pixelColor(x, y)
            for x in range(box.left(), box.right())
            for y in range(box.top(), box.bottom())
        ]
        assert seen.count(QColor(wanted)) > 100


def test_errors_of_the_structure_chosen_follow_the_choice(qtbot, scored, viewer):
    show_errors(qtbot, scored, ErrorScope.CHOSEN)

    for row, label in enumerate(LABELS.ids):
        click_row(qtbot, scored, row)
        shown = segmentation_of(viewer.layers["errors"], viewer.layers)
        wanted = medseg.error_map(shifted_labels(), marker_labels(), label)
        assert_array_equal(shown.array, wanted.array)
    assert [layer.name for layer in viewer.layers].count("errors") == 1


def test_errors_go_when_they_are_switched_off(qtbot, scored, viewer):
    show_errors(qtbot, scored, ErrorScope.ALL)

    show_errors(qtbot, scored, ErrorScope.NONE)

    assert "errors" not in viewer.layers


def test_errors_are_never_taken_for_a_prediction_or_a_reference(qtbot, scored, viewer):
    show_errors(qtbot, scored, ErrorScope.ALL)
    viewer.layers.remove("mine")

    assert part(scored, "Prediction", LayerBox).currentText() == "truth"


def test_errors_removed_by_the_user_can_be_shown_again(qtbot, scored, viewer):
    show_errors(qtbot, scored, ErrorScope.ALL)
    viewer.layers.remove("errors")

    show_errors(qtbot, scored, ErrorScope.CHOSEN)

    assert "errors" in viewer.layers


def test_errors_follow_an_edit(qtbot, scored, viewer):
    show_errors(qtbot, scored, ErrorScope.ALL)
    viewer.layers["mine"].data = viewer.layers["truth"].data.copy()

    edited(qtbot, scored)
    looked_closer(qtbot, scored)

    found = set(np.unique(viewer.layers["errors"].data).tolist())
    assert found == {0, medseg.Agreement.TRUE_POSITIVE}


def test_the_curve_is_that_of_the_structure_chosen(qtbot, scored, viewer):
    click_row(qtbot, scored, 0)
    pair = shifted_labels(), marker_labels()

    assert scored.curve.curve.curve.title == "liver, axial"
    axial = medseg.slice_agreement(*pair, 1)[2]  # k runs from feet to head
    assert_allclose(scored.curve.curve.curve.dice, axial.dice)
    show_plane(viewer, Plane.SAGITTAL)
    sagittal = medseg.slice_agreement(*pair, 1)[0]
    assert scored.curve.curve.curve.title == "liver, sagittal"
    assert_allclose(scored.curve.curve.curve.dice, sagittal.dice)


def test_the_curve_and_the_slices_move_together(qtbot, scored, viewer):
    layer, curve = viewer.layers["mine"], scored.curve.curve
    looked_closer(qtbot, scored)
    for plane, axis in zip(Plane, (0, 1, 2), strict=True):
        show_plane(viewer, plane)
        curve.slice_chosen.emit(3)
        assert voxel_seen(viewer, layer)[axis] == 3
        viewer.dims.set_point(axis, layer.translate[axis] + 5 * layer.scale[axis])
        assert curve.index == 5


def test_a_bar_leads_to_its_structure_as_its_row_does(qtbot, scored, viewer):
    scored.view.plot.view.structure_chosen.emit(2)
    looked_closer(qtbot, scored)

    layer = viewer.layers["mine"]
    assert layer.data[voxel_seen(viewer, layer)] == 2
    table = part(scored, "Scores", QTableView)
    (chosen,) = table.selectionModel().selectedRows()
    assert chosen.data() == "liver tumour"


@pytest.mark.parametrize("suffix", [".pdf", ".png"])
def test_a_plot_can_be_saved(scored, tmp_path, monkeypatch, suffix):
    path = (tmp_path / "plot").with_suffix(suffix)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))

    part(scored, "Save plot", QPushButton).click()

    assert path.read_bytes().startswith(b"%PDF" if suffix == ".pdf" else b"\x89PNG")
    assert message(scored, STATUS) == f"Saved plot{suffix}."


def test_a_plot_that_cannot_be_written_is_told(scored, tmp_path, monkeypatch):
    path = tmp_path / "missing" / "plot.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))

    part(scored, "Save plot", QPushButton).click()

    assert message(scored, STATUS) == "Cannot write plot.png."


def test_good_and_bad_cells_have_colours_that_can_be_read(scored):
    model = part(scored, "Scores", QTableView).model()
    index = model.index(0, 1)

    back = index.data(Qt.ItemDataRole.BackgroundRole)
    ink = index.data(Qt.ItemDataRole.ForegroundRole)

    assert abs(back.lightnessF() - ink.lightnessF()) > 0.35
    assert model.index(0, 0).data(Qt.ItemDataRole.BackgroundRole) is None


def test_without_a_tolerance_there_is_no_nsd(qtbot, panel):
    part(panel, "Tolerance", QDoubleSpinBox).setValue(0)

    compute(qtbot, panel)

    assert part(panel, "Scores", QTableView).isColumnHidden(4)
    assert [row[4] for row in cells(panel)] == ["-", "-"]


def test_the_table_can_be_pasted_into_a_spreadsheet(scored, clipboard):
    part(scored, "Copy", QPushButton).click()

    header, *rows = clipboard.text().splitlines()
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
    controls = [
        *panel.findChildren(QPushButton),
        *panel.findChildren(QComboBox),
        *panel.findChildren(QDoubleSpinBox),
    ]

    assert [c for c in controls if not (c.accessibleName() and c.toolTip())] == []


def test_a_double_click_is_two_clicks(qtbot, scored):
    scored.show()
    qtbot.waitExposed(scored)
    table = part(scored, "Scores", QTableView)
    middle = table.visualRect(table.model().index(0, 0)).center()
    where, left = table.viewport(), Qt.MouseButton.LeftButton

    qtbot.mouseClick(where, left, pos=middle)
    qtbot.mouseDClick(where, left, pos=middle)
    qtbot.mouseRelease(where, left, pos=middle)
    looked_closer(qtbot, scored)

    assert "worst axial slice" in message(scored, STATUS)


def test_enter_chooses_the_row_as_a_click_does(qtbot, viewer, scored):
    table = part(scored, "Scores", QTableView)
    table.setCurrentIndex(table.model().index(1, 0))

    qtbot.keyClick(table, Qt.Key.Key_Return)

    assert viewer.layers["mine"].data[voxel_seen(viewer, viewer.layers["mine"])] == 2


def test_a_second_click_is_not_lost_while_the_first_is_looked_into(qtbot, scored):
    table = part(scored, "Scores", QTableView)

    table.clicked.emit(table.model().index(0, 0))
    table.clicked.emit(table.model().index(0, 0))
    assert scored.details.is_busy
    looked_closer(qtbot, scored)

    assert "worst axial slice" in message(scored, STATUS)


def test_an_edit_made_while_scores_are_computed_is_scored(qtbot, viewer, panel):
    part(panel, "Compute", QPushButton).click()
    viewer.layers["mine"].data = np.zeros_like(viewer.layers["mine"].data)

    qtbot.waitUntil(lambda: [r[1] for r in cells(panel)] == ["0.000"] * 2, timeout=9000)


def test_a_panel_closed_while_it_computes_shows_nothing(qtbot, viewer, panel):
    part(panel, "Errors shown", QComboBox).setCurrentText(ErrorScope.ALL.value)
    part(panel, "Compute", QPushButton).click()

    panel.end()
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=30_000)
    looked_closer(qtbot, panel)

    assert cells(panel) == []
    assert "errors" not in viewer.layers


def test_scores_of_other_layers_than_those_chosen_are_said_to_be(scored, viewer):
    array, options, _ = segmentation_layer(marker_labels(), "second reader")
    viewer.add_labels(array, **options)

    part(scored, "Prediction", LayerBox).setCurrentText("second reader")

    assert message(scored, STATUS) == (
        "These are the scores of mine and truth: compute again."
    )


def test_a_file_that_the_dialog_did_not_name_is_not_replaced(
    scored, tmp_path, monkeypatch
):
    (tmp_path / "scores.v2.csv").write_text("mine")
    path = tmp_path / "scores.v2"  # which the dialog finds to be free
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))

    part(scored, "Save CSV", QPushButton).click()

    assert (tmp_path / "scores.v2.csv").read_text() == "mine"
    assert message(scored, STATUS).startswith("OUTPUT_EXISTS")


def test_the_panel_can_be_made_low(panel):
    assert panel.minimumSizeHint().height() < 260


@pytest.mark.parametrize(
    "order", [((0, 1, 2), (False, False, False)), ((2, 0, 1), (True, False, True))]
)
def test_the_script_gives_the_numbers_of_the_panel(
    qtbot, tmp_path, monkeypatch, order, clipboard
):
    files = {
        "scan": tmp_path / "ct.nii.gz",
        "mine": tmp_path / "it's mine.nii.gz",
        "truth": tmp_path / "truth.nii.gz",
    }
    medseg.write_volume(marker_scan(), files["scan"])
    medseg.write_segmentation(shifted_labels(), files["mine"])
    medseg.write_segmentation(marker_labels(*order), files["truth"])
    viewer = ViewerModel()
    for name in ("mine", "truth"):
        labels = medseg.read_segmentation(files[name])
        array, options, _ = segmentation_layer(labels, name, Origin(path=files[name]))
        viewer.add_labels(array, **options)
    panel = ScoresWidget(viewer)
    qtbot.addWidget(panel)
    part(panel, "Prediction", LayerBox).setCurrentText("mine")
    compute(qtbot, panel)

    part(panel, "Copy as Python", QPushButton).click()
    monkeypatch.chdir(tmp_path)
    script = clipboard.text()
    exec(compile(script, "script", "exec"), {})  # noqa: S102 - what users do with it

    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name, column in (("dice", 1), ("iou", 2), ("nsd", 4)):
        told = [row[column] for row in cells(panel)]
        assert [f"{float(row[name]):.3f}" for row in rows] == told
    panel.end()


def test_a_script_for_layers_from_no_file_has_paths_to_fill_in(scored, clipboard):
    part(scored, "Scan", QComboBox).setCurrentIndex(1)

    part(scored, "Copy as Python", QPushButton).click()

    script = clipboard.text()
    assert "'PATH OF THE PREDICTION'," in script
    assert "'PATH OF THE REFERENCE'," in script
    assert "images='PATH OF THE SCAN'," in script
    assert "tolerance_mm=2.0" in script
