import csv
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Surface
from napari.utils.colormaps import DirectLabelColormap
from numpy.testing import assert_allclose, assert_array_equal
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QLineEdit,
    QPushButton,
    QSlider,
    QTableView,
)

import medseg
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.layers.conversion import Origin, segmentation_layer
from napari_medseg.structures.contents import matches
from napari_medseg.structures.table import volume_text
from napari_medseg.structures.widget import StructuresWidget
from tests.plugin.scans import LABELS, marker_labels, rotated
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui
STATUS = "Status of the structures"


def add(viewer, segmentation, name="labels"):
    array, options, _ = segmentation_layer(segmentation, name)
    return viewer.add_labels(array, **options)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    add(viewer, marker_labels((2, 0, 1), (True, False, True)))
    return viewer


@pytest.fixture
def panel(qtbot, viewer):
    panel = StructuresWidget(viewer)
    qtbot.addWidget(panel)
    measured(qtbot, panel)
    yield panel
    panel.end()


def measured(qtbot, panel):
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=30_000)


def rows(panel):
    model = part(panel, "Structures", QTableView).model()
    return [
        [model.index(row, column).data() for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def tick(panel, row, state):
    model = part(panel, "Structures", QTableView).model()
    role = Qt.ItemDataRole.CheckStateRole
    assert model.setData(model.index(row, 0), state, role)


def ticks(panel):
    model = part(panel, "Structures", QTableView).model()
    role = Qt.ItemDataRole.CheckStateRole
    shown = (model.index(row, 0).data(role) for row in range(model.rowCount()))
    return [Qt.CheckState(state) == Qt.CheckState.Checked for state in shown]


def alphas(layer):
    return [layer.colormap.map(label)[3] for label in LABELS.ids]


def select(panel, *chosen):
    table = part(panel, "Structures", QTableView)
    table.clearSelection()
    for row in chosen:
        index = table.model().index(row, 0)
        selection = table.selectionModel()
        flags = selection.SelectionFlag.Select | selection.SelectionFlag.Rows
        selection.select(index, flags)


def press(panel, name):
    part(panel, name, QPushButton).click()


def test_structures_are_listed_with_their_volumes_and_lesions(panel):
    labels = marker_labels()

    assert rows(panel) == [
        ["liver", volume_text(labels.volume_ml("liver")), ""],
        ["liver tumour", volume_text(labels.volume_ml("liver tumour")), "1"],
    ]
    assert message(panel, "Structures present") == "2 of 2 present"


def test_each_row_has_the_colour_it_is_shown_in(panel):
    model = part(panel, "Structures", QTableView).model()
    role = Qt.ItemDataRole.DecorationRole

    shown = [model.index(row, 0).data(role) for row in range(model.rowCount())]

    wanted = [QColor(*structure.colour) for structure in LABELS]
    assert [colour.rgb() for colour in shown] == [colour.rgb() for colour in wanted]


def test_an_unticked_structure_is_hidden_and_keeps_its_colour(panel, viewer):
    layer = viewer.layers["labels"]
    before = layer.colormap.map(2)

    tick(panel, 1, Qt.CheckState.Unchecked)
    assert alphas(layer) == [1, 0]
    assert ticks(panel) == [True, False]

    tick(panel, 1, Qt.CheckState.Checked)
    assert_allclose(layer.colormap.map(2), before)
    assert ticks(panel) == [True, True]


def test_a_toggle_sets_one_colormap_and_touches_no_voxel(panel, viewer):
    layer = viewer.layers["labels"]
    data = layer.data.copy()
    events: list[object] = []
    layer.events.colormap.connect(events.append)

    tick(panel, 0, Qt.CheckState.Unchecked)

    assert len(events) == 1
    assert_array_equal(layer.data, data)


def test_all_or_only_the_selected_ones_are_shown(panel, viewer):
    layer = viewer.layers["labels"]

    press(panel, "Hide all")
    assert alphas(layer) == [0, 0]
    press(panel, "Show all")
    assert alphas(layer) == [1, 1]
    select(panel, 1)
    press(panel, "Only")
    assert alphas(layer) == [0, 1]


def test_colours_changed_elsewhere_are_followed(panel, viewer):
    layer = viewer.layers["labels"]

    layer.colormap = DirectLabelColormap(
        color_dict={None: (1, 1, 1, 1), 1: (1, 0, 0, 0), 2: (0, 1, 0, 1)}
    )

    assert ticks(panel) == [False, True]


def test_the_filter_keeps_names_with_all_the_words(panel):
    part(panel, "Filter", QLineEdit).setText("tum")
    assert [row[0] for row in rows(panel)] == ["liver tumour"]

    press(panel, "Hide all")
    part(panel, "Filter", QLineEdit).setText("")
    assert ticks(panel) == [True, False]


@pytest.mark.parametrize(
    ("words", "found"),
    [("", True), ("kid l", True), ("LEFT", True), ("right", False), ("idney", False)],
)
def test_a_name_is_found_by_the_beginnings_of_its_words(words, found):
    assert matches("left kidney", words) is found
    assert matches("kidney_left", words) is found


@pytest.mark.parametrize("row", [0, 1])
def test_a_double_click_goes_to_the_structure(panel, viewer, row):
    table = part(panel, "Structures", QTableView)

    table.doubleClicked.emit(table.model().index(row, 0))

    layer = viewer.layers["labels"]
    index = np.round(layer.world_to_data(viewer.dims.point)).astype(int)
    assert layer.data[tuple(index)] == LABELS.ids[row]


def test_a_structure_without_a_voxel_cannot_be_gone_to(qtbot, panel, viewer):
    layer = viewer.layers["labels"]
    layer.data = np.where(layer.data == 2, 0, layer.data)
    qtbot.waitUntil(lambda: rows(panel)[1][1] == "-", timeout=30_000)
    select(panel, 1)

    press(panel, "Go to")

    assert message(panel, STATUS) == "It has no voxel."


def test_painting_is_measured(qtbot, panel, viewer):
    before = rows(panel)

    viewer.layers["labels"].paint((7, 12, 3), 2)

    qtbot.waitUntil(lambda: rows(panel) != before, timeout=30_000)
    assert rows(panel)[1][2] == "2"


def test_opacity_and_outline_are_the_layers(panel, viewer):
    layer = viewer.layers["labels"]
    slider, outline = (
        part(panel, "Opacity", QSlider),
        part(panel, "Outline", QCheckBox),
    )
    assert slider.value() == 50

    slider.setValue(80)
    outline.setChecked(True)
    assert (layer.opacity, layer.contour) == (0.8, 1)

    layer.opacity, layer.contour = 0.3, 0
    assert (slider.value(), outline.isChecked()) == (30, False)


def test_another_layer_is_listed_when_it_is_chosen(qtbot, panel, viewer):
    names = medseg.LabelSet.from_names([(1, "heart"), (2, "aorta")])
    other = add(viewer, replace(marker_labels(), labels=names), "other")

    part(panel, "Labels", LayerBox).choose(other)

    qtbot.waitUntil(
        lambda: [row[0] for row in rows(panel)] == ["heart", "aorta"], timeout=30_000
    )
    viewer.layers.clear()
    assert rows(panel) == []
    assert "Labels layer" in message(panel, STATUS)


def test_labels_that_a_user_draws_have_colours_and_can_be_hidden(qtbot, panel, viewer):
    drawn_on = viewer.layers["labels"]
    drawn = viewer.add_labels(
        np.where(drawn_on.data > 0, 3, 0).astype(np.uint8),
        scale=drawn_on.scale,
        translate=drawn_on.translate,
        units=drawn_on.units,
        axis_labels=drawn_on.axis_labels,
        name="drawn",
    )
    part(panel, "Labels", LayerBox).choose(drawn)
    qtbot.waitUntil(lambda: [row[0] for row in rows(panel)] == ["label 3"])
    colour = drawn.get_color(3)[:3]

    tick(panel, 0, Qt.CheckState.Unchecked)
    tick(panel, 0, Qt.CheckState.Checked)

    assert_allclose(drawn.colormap.map(3), [*colour, 1], atol=0.01)


def make_surfaces(qtbot, panel, *chosen):
    select(panel, *chosen)
    press(panel, "3D surface")
    qtbot.waitUntil(lambda: not panel.surfaces.is_busy, timeout=30_000)


@pytest.mark.parametrize("degrees", [0, 17])
def test_a_surface_lies_round_its_structure(qtbot, panel, viewer, degrees):
    labels = marker_labels((1, 2, 0), (False, True, True))
    turned = replace(labels, geometry=rotated(labels.geometry, degrees))
    layer = add(viewer, turned, "turned")
    part(panel, "Labels", LayerBox).choose(layer)
    measured(qtbot, panel)

    make_surfaces(qtbot, panel, 1)

    surface = viewer.layers["liver tumour of turned"]
    voxels = np.argwhere(layer.data == 2) * layer.scale + layer.translate
    low, high = surface.extent.world
    assert_allclose(low, voxels.min(axis=0) - layer.scale / 2, atol=0.5 * 4)
    assert_allclose(high, voxels.max(axis=0) + layer.scale / 2, atol=0.5 * 4)


def test_surfaces_are_seen_in_3d_and_the_flat_layers_in_2d(qtbot, panel, viewer):
    make_surfaces(qtbot, panel, 0, 1)
    surfaces = [layer for layer in viewer.layers if isinstance(layer, Surface)]

    assert viewer.dims.ndisplay == 3
    assert [layer.visible for layer in surfaces] == [True, True]
    assert not viewer.layers["labels"].visible

    viewer.dims.ndisplay = 2
    assert [layer.visible for layer in surfaces] == [False, False]
    assert viewer.layers["labels"].visible


def test_a_surface_made_again_takes_the_place_of_the_first(qtbot, panel, viewer):
    make_surfaces(qtbot, panel, 0)
    make_surfaces(qtbot, panel, 0)

    assert len(viewer.layers) == 2


def test_volumes_can_be_copied_and_saved(panel, tmp_path, monkeypatch, clipboard):
    path = tmp_path / "volumes"  # the suffix is added
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))

    press(panel, "Copy")
    press(panel, "Save CSV")

    assert clipboard.text().startswith("case\tstructure\tlabel")
    with path.with_suffix(".csv").open(newline="") as file:
        saved = list(csv.DictReader(file))
    assert [row["structure"] for row in saved] == ["liver", "liver tumour"]
    volume = marker_labels().volume_ml("liver")
    assert float(saved[0]["volume_ml"]) == pytest.approx(volume, rel=1e-5)
    assert message(panel, STATUS) == "Saved volumes.csv."


@pytest.mark.parametrize(
    ("volume_ml", "text"),
    [(0, "-"), (0.004, "0.00"), (3.14159, "3.14"), (27.06, "27.1"), (1530.2, "1530")],
)
def test_volumes_are_as_exact_as_one_wants_to_know(volume_ml, text):
    assert volume_text(volume_ml) == text


def test_every_control_has_a_name_and_a_tooltip(panel):
    controls = [
        *panel.findChildren(QPushButton),
        *panel.findChildren(LayerBox),
        *panel.findChildren(QCheckBox),
        *panel.findChildren(QSlider),
    ]

    assert [c for c in controls if not (c.accessibleName() and c.toolTip())] == []


def test_a_closed_panel_listens_no_more(qtbot, viewer, panel):
    panel.end()
    before = rows(panel)

    viewer.layers["labels"].paint((7, 12, 3), 2)
    viewer.layers["labels"].opacity = 0.1
    qtbot.wait(600)

    assert rows(panel) == before
    assert part(panel, "Opacity", QSlider).value() == 50


def test_flat_layers_come_back_also_when_the_surfaces_were_removed(
    qtbot, panel, viewer
):
    make_surfaces(qtbot, panel, 0)
    viewer.layers.remove("liver of labels")

    viewer.dims.ndisplay = 2

    assert viewer.layers["labels"].visible


def test_flat_layers_come_back_when_the_panel_is_closed(qtbot, panel, viewer):
    make_surfaces(qtbot, panel, 0)

    panel.end()

    assert viewer.layers["labels"].visible


def test_a_surface_has_the_colour_in_which_its_structure_is_seen(qtbot, panel, viewer):
    layer = viewer.layers["labels"]
    layer.colormap = DirectLabelColormap(
        color_dict={None: "grey", 0: "transparent", 1: (0, 1, 0, 1), 2: "red"}
    )

    make_surfaces(qtbot, panel, 0)

    seen = viewer.layers["liver of labels"].vertex_colors
    assert seen[:, 1].max() > 0.9
    assert_array_equal(seen[:, [0, 2]], 0)


def test_what_can_no_longer_be_measured_is_no_longer_listed(qtbot, panel, viewer):
    layer = viewer.layers["labels"]
    layer.rotate = (0, 0, 20)

    layer.data = layer.data.copy()

    qtbot.waitUntil(lambda: rows(panel) == [], timeout=30_000)
    assert message(panel, STATUS).startswith("MISSING_GEOMETRY")


def test_a_label_painted_after_another_was_hidden_is_seen(qtbot, panel, viewer):
    drawn_on = viewer.layers["labels"]
    drawn = viewer.add_labels(
        np.where(drawn_on.data > 0, 3, 0).astype(np.uint8),
        scale=drawn_on.scale,
        translate=drawn_on.translate,
        units=drawn_on.units,
        axis_labels=drawn_on.axis_labels,
    )
    part(panel, "Labels", LayerBox).choose(drawn)
    qtbot.waitUntil(lambda: [row[0] for row in rows(panel)] == ["label 3"])

    tick(panel, 0, Qt.CheckState.Unchecked)

    assert drawn.colormap.map(3)[3] == 0
    assert drawn.colormap.map(4)[3] == 1


def test_a_file_that_the_dialog_did_not_name_is_not_replaced(
    panel, tmp_path, monkeypatch
):
    (tmp_path / "volumes.csv").write_text("mine")
    path = tmp_path / "volumes"  # which the dialog finds to be free
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))

    press(panel, "Save CSV")

    assert (tmp_path / "volumes.csv").read_text() == "mine"
    assert message(panel, STATUS).startswith("OUTPUT_EXISTS")


def test_the_panel_can_be_made_low(panel):
    assert panel.minimumSizeHint().height() < 260


def test_the_script_gives_the_table_of_the_panel(
    qtbot, tmp_path, monkeypatch, clipboard
):
    path = tmp_path / "it's mine.nii.gz"
    medseg.write_segmentation(marker_labels((1, 2, 0), (False, True, True)), path)
    viewer = ViewerModel()
    read = medseg.read_segmentation(path)
    array, options, _ = segmentation_layer(read, "labels", Origin(path=path))
    viewer.add_labels(array, **options)
    panel = StructuresWidget(viewer)
    qtbot.addWidget(panel)
    measured(qtbot, panel)
    press(panel, "Copy")
    table = list(csv.reader(clipboard.text().splitlines(), "excel-tab"))

    press(panel, "Copy as Python")
    monkeypatch.chdir(tmp_path)
    script = clipboard.text()
    exec(compile(script, "script", "exec"), {})  # noqa: S102 - what users do with it

    with (tmp_path / "volumes.csv").open(newline="") as file:
        assert list(csv.reader(file)) == table
    panel.end()
