from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose, assert_array_equal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QPushButton,
    QTableView,
)
from scipy import ndimage

import medseg
from napari_medseg.layers.conversion import (
    Origin,
    segmentation_layer,
    volume_layers,
)
from napari_medseg.lesions.choice import Choice, Splitting
from napari_medseg.lesions.contents import Wanted, told_apart
from napari_medseg.lesions.marks import MARKS_NAME
from napari_medseg.scores.widget import ScoresWidget
from tests.plugin.lesions.handling import (
    STATUS,
    add,
    choose,
    choose_row,
    column,
    fill_in,
    paint,
    press,
    separate_instances,
    tick,
    voxel_looked_at,
)
from tests.plugin.lesions.scene import (
    BALLS_HU,
    LPS,
    RAS,
    ROD_HU,
    ROD_ML,
    ROD_MM,
    TURNED,
    labels_ras,
    lesion_labels,
    lesion_scan,
)
from tests.plugin.scans import SPACING_RAS_MM, rotated
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui
VOXEL_ML = float(np.prod(SPACING_RAS_MM)) / 1000
SHOWN = "lesions of labels"


def filled(order=RAS):
    viewer = ViewerModel()
    for array, options, _ in volume_layers(lesion_scan(order), "scan"):
        viewer.add_image(array, **options)
    add(viewer, lesion_labels(order))
    return viewer


@pytest.fixture
def viewer():
    return filled(LPS)


@pytest.fixture
def panel(open_panel, viewer):
    return open_panel(viewer)


def selected_rows(panel, table="Lesions"):
    view = part(panel, table, QTableView)
    chosen = {index.row() for index in view.selectionModel().selectedRows()}
    return [number for row, number in enumerate(column(panel, "No.")) if row in chosen]


def marks(viewer):
    layer = viewer.layers[MARKS_NAME]
    kinds = layer.shape_type
    lines = [
        shape for shape, kind in zip(layer.data, kinds, strict=True) if kind == "line"
    ]
    boxes = [
        shape for shape, kind in zip(layer.data, kinds, strict=True) if kind != "line"
    ]
    return lines, boxes


def rod_number(panel):
    (row,) = (
        n
        for n, text in enumerate(column(panel, "Mean intensity"))
        if text == f"{ROD_HU}.0"
    )
    return column(panel, "No.")[row]


def test_lesions_are_listed_with_what_is_measured(qtbot, panel):
    separate_instances(qtbot, panel)

    rod = column(panel, "No.").index(rod_number(panel))
    balls_ml = np.count_nonzero(labels_ras(has_rod=False) == 2) * VOXEL_ML
    assert len(column(panel, "No.")) == 2
    assert column(panel, "Volume (ml)")[rod] == f"{ROD_ML:.2f}"
    assert float(column(panel, "Volume (ml)")[1 - rod]) == pytest.approx(
        balls_ml, abs=0.1
    )
    assert column(panel, "Long axis (mm)")[rod] == f"{ROD_MM[0]:.1f}"
    assert column(panel, "Short axis (mm)")[rod] == f"{ROD_MM[1]:.1f}"
    assert column(panel, "Mean intensity")[1 - rod] == f"{BALLS_HU}.0"
    assert column(panel, "Organ") == ["liver", "liver"]
    assert message(panel, "Lesions in all").startswith("2 lesions, ")


def test_numbers_of_many_lesions_are_not_cut_short(qtbot, open_panel):
    labels = lesion_labels()
    array = np.ones_like(labels.array)
    array[::8, ::4, ::4] = 2
    viewer = ViewerModel()
    add(viewer, replace(labels, array=array))
    panel = open_panel(viewer)

    separate_instances(qtbot, panel)

    table = part(panel, "Lesions", QTableView)
    assert len(column(panel, "No.")) > 100
    for row in range(table.model().rowCount()):
        needed_px = table.sizeHintForIndex(table.model().index(row, 0)).width()
        assert needed_px <= table.columnWidth(0)


def test_lesions_that_touch_are_parted_at_their_neck(qtbot, panel):
    separate_instances(qtbot, panel, Splitting.NECKS)

    assert len(column(panel, "No.")) == 3


def test_pieces_below_the_smallest_volume_are_left_out(qtbot, panel, viewer):
    fill_in(panel, "Min. volume", 1000 * ROD_ML + 1)
    separate_instances(qtbot, panel)

    assert len(column(panel, "No.")) == 1
    assert set(np.unique(viewer.layers[SHOWN].data)) == {0, 1}
    assert np.count_nonzero(viewer.layers["labels"].data == 2) == np.count_nonzero(
        labels_ras() == 2
    )


def test_only_ticked_structures_are_counted(qtbot, panel):
    tick(panel, "liver tumour", Qt.CheckState.Unchecked)
    part(panel, "Separate lesions", QPushButton).click()
    assert message(panel, STATUS) == "Tick a structure to count."

    tick(panel, "liver", Qt.CheckState.Checked)
    separate_instances(qtbot, panel)

    assert len(column(panel, "No.")) == 1
    assert column(panel, "Structure") == ["liver"]
    assert column(panel, "Organ") == ["liver tumour"]


@pytest.mark.parametrize("order", [RAS, LPS, TURNED])
def test_the_lesions_are_a_layer_on_the_voxels_of_the_labels(qtbot, open_panel, order):
    viewer = filled(order)
    labels = viewer.layers["labels"]
    separate_instances(qtbot, open_panel(viewer))

    shown = viewer.layers[SHOWN]
    pieces, count = ndimage.label(labels.data == 2, np.ones((3, 3, 3)))
    pairs = {
        (int(a), int(b)) for a, b in zip(pieces.flat, shown.data.flat, strict=True)
    }
    assert len(pairs) == count + 1
    assert (0, 0) in pairs
    assert_allclose(shown.scale, labels.scale)
    assert_allclose(shown.translate, labels.translate)
    colours = [tuple(shown.colormap.map(number)) for number in range(1, count + 1)]
    assert len(set(colours)) == count


def test_the_chosen_layer_stays_chosen_and_no_panel_takes_the_lesions_for_labels(
    qtbot, panel, viewer
):
    viewer.layers.selection.active = viewer.layers["labels"]
    separate_instances(qtbot, panel)

    assert viewer.layers.selection.active is viewer.layers["labels"]
    assert part(panel, "Labels", QComboBox).currentText() == "labels"
    viewer.layers.selection.active = viewer.layers[SHOWN]
    assert part(panel, "Labels", QComboBox).currentText() == "labels"
    assert len(column(panel, "No.")) == 2
    scores = ScoresWidget(viewer)
    qtbot.addWidget(scores)
    assert part(scores, "Prediction", QComboBox).currentText() == "labels"
    scores.end()


@pytest.mark.parametrize("order", [RAS, TURNED])
def test_a_row_leads_to_its_lesion_and_shows_diameters_and_box(
    qtbot, open_panel, order
):
    viewer = filled(order)
    panel = open_panel(viewer)
    separate_instances(qtbot, panel)
    number = rod_number(panel)

    choose_row(panel, number)

    shown = viewer.layers[SHOWN]
    inside = np.argwhere(shown.data == int(number))
    assert shown.data[voxel_looked_at(viewer, shown)] == int(number)
    (longest, across), boxes = marks(viewer)
    lengths = [np.linalg.norm((b - a) * shown.scale) for a, b in (longest, across)]
    assert_allclose(lengths, ROD_MM, rtol=1e-5)
    assert set(longest[:, 0]) == set(across[:, 0]) == {inside[0, 0]}
    corners = np.concatenate(boxes)
    assert_allclose(corners.min(axis=0), inside.min(axis=0) - 0.5)
    assert_allclose(corners.max(axis=0), inside.max(axis=0) + 0.5)
    assert len(boxes) == sum(np.ptp(inside, axis=0) + 1)


def test_on_an_oblique_scan_a_row_leads_to_its_lesion_too(qtbot, open_panel):
    labels = lesion_labels(LPS)
    viewer = ViewerModel()
    add(viewer, replace(labels, geometry=rotated(labels.geometry, 20)))
    panel = open_panel(viewer)
    separate_instances(qtbot, panel, Splitting.NECKS)

    shown = viewer.layers[SHOWN]
    for number in column(panel, "No."):
        choose_row(panel, number)
        assert shown.data[voxel_looked_at(viewer, shown)] == int(number)
        (longest, _), _ = marks(viewer)
        middle = tuple(np.round(longest.mean(axis=0)).astype(int))
        assert shown.data[middle] == int(number)


def test_a_click_on_a_lesion_selects_its_row_and_the_picture_stays(
    qtbot, panel, viewer
):
    separate_instances(qtbot, panel)
    number = rod_number(panel)
    layer = viewer.layers[SHOWN]
    before = viewer.dims.point

    click_picture(viewer, layer, np.argwhere(layer.data == int(number))[4])

    assert selected_rows(panel) == [number]
    assert viewer.dims.point == before
    assert len(marks(viewer)[0]) == 2
    click_picture(viewer, layer, (0, 0, 0))
    assert selected_rows(panel) == [number]


def test_diameters_and_box_can_be_switched_off_and_go_with_the_panel(
    qtbot, panel, viewer
):
    separate_instances(qtbot, panel)
    choose_row(panel, "1")
    box = part(panel, "Diameters and box", QCheckBox)

    box.setChecked(False)
    assert not viewer.layers[MARKS_NAME].visible
    choose_row(panel, "2")
    assert not viewer.layers[MARKS_NAME].visible
    box.setChecked(True)
    assert viewer.layers[MARKS_NAME].visible

    callbacks = len(viewer.mouse_drag_callbacks)
    panel.end()
    assert MARKS_NAME not in viewer.layers
    assert SHOWN in viewer.layers
    assert len(viewer.mouse_drag_callbacks) == callbacks - 1


def test_the_labels_are_hidden_while_their_lesions_are_looked_at(qtbot, panel, viewer):
    labels = viewer.layers["labels"]

    separate_instances(qtbot, panel)
    assert not labels.visible
    labels.visible = True  # the user wants to see them
    separate_instances(qtbot, panel, Splitting.NECKS)
    assert labels.visible
    labels.visible = False
    panel.end()
    assert not labels.visible


def test_hidden_labels_come_back_with_the_end_of_the_panel(qtbot, panel, viewer):
    separate_instances(qtbot, panel)

    panel.end()

    assert viewer.layers["labels"].visible


def test_outlines_can_be_had_instead_of_areas(qtbot, panel, viewer):
    separate_instances(qtbot, panel)
    outlines = part(panel, "Outlines", QCheckBox)

    outlines.setChecked(not outlines.isChecked())
    is_outline = viewer.layers[SHOWN].contour > 0
    assert is_outline == outlines.isChecked()
    separate_instances(qtbot, panel, Splitting.NECKS)
    assert (viewer.layers[SHOWN].contour > 0) == is_outline


def test_told_apart_otherwise_they_replace_the_layer_unless_it_was_painted_on(
    qtbot, panel, viewer
):
    separate_instances(qtbot, panel)
    first = viewer.layers[SHOWN]
    separate_instances(qtbot, panel, Splitting.NECKS)
    assert viewer.layers[SHOWN] is first
    assert set(np.unique(first.data)) == {0, 1, 2, 3}

    first.data_setitem((np.array([0]), np.array([0]), np.array([0])), 3)
    painted = first.data.copy()
    separate_instances(qtbot, panel)

    assert_array_equal(first.data, painted)
    assert [layer.name for layer in viewer.layers][-1].startswith(SHOWN)
    assert viewer.layers[-1] is not first


def test_an_edit_of_the_labels_is_told(qtbot, panel, viewer):
    separate_instances(qtbot, panel)
    labels = viewer.layers["labels"]

    labels.data_setitem((np.array([0]), np.array([0]), np.array([0])), 2)

    told = "The labels were edited since: separate the lesions again."
    qtbot.waitUntil(lambda: message(panel, STATUS) == told)


def test_nothing_is_made_of_lesions_whose_labels_were_edited(
    qtbot, panel, viewer, tmp_path, monkeypatch, clipboard
):
    add(viewer, lesion_labels(TURNED), "january")
    choose(panel, "Labels", "labels")
    separate_instances(qtbot, panel)
    choose(panel, "Baseline", "january")
    labels = viewer.layers["labels"]
    told = "The labels were edited since: separate the lesions again."
    path = tmp_path / "file"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    clipboard.setText("before")
    paint(labels, 2)

    for button in ("Copy", "Save CSV", "Save labels", "Compare"):
        part(panel, button, QPushButton).click()  # before the pause is over
        assert message(panel, STATUS) == told
        assert not panel.background.is_busy
        assert not part(panel, button, QPushButton).isEnabled()
    assert clipboard.text() == "before"
    assert list(tmp_path.iterdir()) == []
    assert column(panel, "Status", "Followed lesions") == []

    separate_instances(qtbot, panel)
    assert part(panel, "Copy", QPushButton).isEnabled()
    assert len(column(panel, "No.")) == 3


def test_an_edit_that_is_undone_is_none(qtbot, panel, viewer):
    separate_instances(qtbot, panel)
    labels = viewer.layers["labels"]
    was = int(labels.data[0, 0, 0])
    paint(labels, 2)
    copy = part(panel, "Copy", QPushButton)
    qtbot.waitUntil(lambda: not copy.isEnabled())

    paint(labels, was)

    qtbot.waitUntil(copy.isEnabled)
    assert message(panel, STATUS) == ""


def test_lesions_that_were_painted_on_are_not_passed_off_as_measured(
    qtbot, panel, viewer
):
    separate_instances(qtbot, panel)

    paint(viewer.layers[SHOWN], 1)
    part(panel, "Copy", QPushButton).click()

    assert message(panel, STATUS).startswith("Lesions were painted on")


def test_other_labels_empty_the_table(qtbot, panel, viewer):
    add(viewer, lesion_labels(LPS), "others")
    choose(panel, "Labels", "labels")
    separate_instances(qtbot, panel)

    choose(panel, "Labels", "others")

    assert column(panel, "No.") == []
    assert SHOWN in viewer.layers


def test_a_scan_stored_in_another_order_of_axes_is_measured_in(qtbot, open_panel):
    viewer = filled(LPS)
    viewer.layers.remove("labels")
    add(viewer, lesion_labels(TURNED))
    panel = open_panel(viewer)

    separate_instances(qtbot, panel)

    assert set(column(panel, "Mean intensity")) == {f"{ROD_HU}.0", f"{BALLS_HU}.0"}


def test_without_a_scan_intensities_are_refused_in_words(qtbot, open_panel):
    viewer = ViewerModel()
    add(viewer, lesion_labels())
    panel = open_panel(viewer)

    separate_instances(qtbot, panel, Splitting.INTENSITY)

    assert "a watershed of intensities needs the scan" in message(panel, STATUS)
    assert [layer.name for layer in viewer.layers] == ["labels"]


def test_a_scan_on_other_voxels_is_not_measured_in(qtbot, open_panel):
    viewer = ViewerModel()
    scan = lesion_scan()
    other = scan.geometry.cropped((1, 0, 0), (39, 24, 14))
    coarse = replace(scan, array=scan.array[:, 1:], geometry=other)
    for array, options, _ in volume_layers(coarse, "scan"):
        viewer.add_image(array, **options)
    add(viewer, lesion_labels())
    panel = open_panel(viewer)

    separate_instances(qtbot, panel)
    assert column(panel, "Mean intensity") == ["-", "-"]

    separate_instances(qtbot, panel, Splitting.INTENSITY)
    assert "the two grids differ" in message(panel, STATUS)


def test_what_is_cancelled_changes_nothing(qtbot, panel, viewer):
    with qtbot.waitSignal(panel.background.finished, timeout=30_000):
        part(panel, "Separate lesions", QPushButton).click()
        part(panel, "Cancel", QPushButton).click()

    assert message(panel, STATUS) == "Cancelled. Nothing was changed."
    assert SHOWN not in viewer.layers
    assert part(panel, "Separate lesions", QPushButton).isEnabled()


def test_telling_apart_stops_after_the_next_piece():
    """The work itself is asked: a hundred lesions, and the first report ends it."""
    seen = []

    def stop(progress):
        seen.append(progress)
        if progress.done:
            raise medseg.Cancelled

    speckled = lesion_labels(LPS)
    array = np.zeros_like(speckled.array)
    array[::4, ::4, ::4] = 2
    wanted = Wanted(
        segmentation=replace(speckled, array=array),
        scan=None,
        choice=Choice(
            counted=frozenset({"liver tumour"}),
            rules=medseg.InstanceRules(split=medseg.DistanceWatershed()),
        ),
    )
    with pytest.raises(medseg.Cancelled):
        told_apart(wanted, stop)
    assert seen[-1].done < seen[-1].total


def test_which_voxels_touch_can_be_chosen(qtbot, panel, viewer):
    labels = viewer.layers["labels"]
    data = np.zeros_like(labels.data)
    data[2, 2, 2] = data[2, 3, 3] = data[3, 4, 4] = 2  # by an edge, then by a corner
    labels.data = data

    for touching, count in (
        ("26 (face, edge or corner)", 1),
        ("18 (face or edge)", 2),
        ("6 (face)", 3),
    ):
        choose(panel, "Connectivity", touching)
        separate_instances(qtbot, panel)
        assert len(column(panel, "No.")) == count


def add_scan(viewer, name, case_id="c1", order=LPS):
    scan = replace(lesion_scan(order), case_id=case_id)
    for array, options, _ in volume_layers(scan, name):
        viewer.add_image(array, **options)


def test_the_scan_of_the_baseline_is_that_of_its_case_not_that_of_the_later_labels(
    open_panel,
):
    """All four lie on the same voxels, as after registration."""
    viewer = ViewerModel()
    add_scan(viewer, "july scan", "july")
    add_scan(viewer, "january scan", "january")
    for name in ("january", "july"):
        add(viewer, replace(lesion_labels(LPS), case_id=name), name)
    panel = open_panel(viewer)
    choose(panel, "Labels", "july")
    choose(panel, "Scan", "july scan")

    choose(panel, "Baseline", "january")

    assert part(panel, "Baseline scan", QComboBox).currentText() == "january scan"


def test_a_later_scan_is_never_taken_for_that_of_the_baseline(qtbot, open_panel):
    viewer = ViewerModel()
    add_scan(viewer, "july scan", "july")
    for name in ("january", "july"):
        add(viewer, replace(lesion_labels(LPS), case_id=name), name)
    panel = open_panel(viewer)
    choose(panel, "Labels", "july")
    separate_instances(qtbot, panel, Splitting.INTENSITY)

    choose(panel, "Baseline", "january")
    assert part(panel, "Baseline scan", QComboBox).currentText() == "none"
    press(qtbot, panel, "Compare")
    assert "needs the scan" in message(panel, STATUS)

    choose(panel, "Baseline scan", "july scan")  # the user knows better
    press(qtbot, panel, "Compare")
    assert set(column(panel, "Status", "Followed lesions")) == {"persisting"}


def test_of_two_scans_that_may_be_meant_none_is_chosen(open_panel):
    viewer = ViewerModel()
    for name in ("a", "b", "c"):
        add_scan(viewer, name, name)
    for name in ("january", "july"):
        add(viewer, replace(lesion_labels(LPS), case_id=name), name)
    panel = open_panel(viewer)
    choose(panel, "Labels", "july")
    choose(panel, "Scan", "a")

    choose(panel, "Baseline", "january")

    assert part(panel, "Baseline scan", QComboBox).currentText() == "none"


def test_a_baseline_edited_since_is_compared_no_more(qtbot, panel, viewer):
    january = add(viewer, lesion_labels(LPS), "january")
    choose(panel, "Labels", "labels")
    separate_instances(qtbot, panel)
    choose(panel, "Baseline", "january")
    press(qtbot, panel, "Compare")
    assert column(panel, "Matched by", "Followed lesions") == ["overlap", "overlap"]

    paint(january, 2)

    qtbot.waitUntil(lambda: column(panel, "Matched by", "Followed lesions") == [])
    assert "baseline was edited" in message(panel, STATUS)


def test_an_earlier_scan_tells_what_became_of_each(qtbot, panel, viewer):
    earlier_mm = 9.2
    add(viewer, lesion_labels(TURNED, earlier_mm, has_rod=False), "january")
    choose(panel, "Labels", "labels")
    separate_instances(qtbot, panel)

    choose(panel, "Baseline", "january")
    press(qtbot, panel, "Compare")

    then, now = (
        np.count_nonzero(labels_ras(radius, has_rod=False) == 2) * VOXEL_ML
        for radius in (earlier_mm, 10.0)
    )
    table = "Followed lesions"
    assert column(panel, "Status", table) == ["persisting", "new"]
    assert column(panel, "Baseline no.", table) == ["1", "-"]
    assert column(panel, "Change (ml)", table) == [
        f"{now - then:+.2f}",
        f"{ROD_ML:+.2f}",
    ]
    assert column(panel, "Change (%)", table) == [
        f"{100 * (now - then) / then:+.0f}",
        "-",
    ]
    assert message(panel, "Followed in all") == "1 persisting, 1 new"


def test_a_lesion_that_is_gone_is_shown_where_it_was(qtbot, panel, viewer):
    labels = viewer.layers["labels"]
    january = add(viewer, lesion_labels(TURNED), "january")
    without = lesion_labels(LPS, has_rod=False)
    labels.data = segmentation_layer(without, "labels")[0]
    choose(panel, "Labels", "labels")
    separate_instances(qtbot, panel)
    choose(panel, "Baseline", "january")
    press(qtbot, panel, "Compare")

    table = part(panel, "Followed lesions", QTableView)
    row = column(panel, "Status", "Followed lesions").index("gone")
    table.clicked.emit(table.model().index(row, 0))

    place = voxel_looked_at(viewer, january)
    assert january.data[place] == 2
    assert labels.data[place] == 1


def test_labels_and_lesions_are_saved_and_read_back(
    qtbot, panel, tmp_path, monkeypatch
):
    separate_instances(qtbot, panel, Splitting.NECKS)
    path = tmp_path / "case.nii.gz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))

    press(qtbot, panel, "Save labels")

    assert message(panel, STATUS) == "Saved case.nii.gz."
    read = medseg.read_panoptic(path)
    assert len(read.instances) == 3
    assert_array_equal(read.segmentation.array, lesion_labels(LPS).array)
    assert len(medseg.read_boxes(tmp_path / "case.boxes.json").boxes) == 3
    rows = (tmp_path / "case.instances.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 3


def test_without_its_series_no_dicom_is_written_and_that_is_told(
    qtbot, panel, tmp_path, monkeypatch
):
    separate_instances(qtbot, panel)
    path = tmp_path / "case.dcm"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))

    press(qtbot, panel, "Save labels")

    assert message(panel, STATUS).startswith("NO_DICOM_SOURCE")
    assert list(tmp_path.iterdir()) == []


def test_with_its_series_open_each_lesion_is_a_segment_of_a_dicom_seg(
    qtbot, open_panel, tmp_path, monkeypatch
):
    phantom = medseg.make_phantom(3, shape=(48, 40, 16), spacing_mm=(7.0, 7.0, 9.0))
    medseg.write_phantom_series(phantom, tmp_path / "CT")
    viewer = ViewerModel()
    scan = medseg.read_volume(tmp_path / "CT")
    for array, options, _ in volume_layers(scan, "scan"):
        viewer.add_image(array, **options)
    add(viewer, replace(phantom.reference, geometry=scan.geometry))
    panel = open_panel(viewer)
    tick(panel, "spleen", Qt.CheckState.Checked)
    separate_instances(qtbot, panel)
    path = tmp_path / "case.dcm"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))

    press(qtbot, panel, "Save labels")

    read = medseg.read_panoptic(path, source=scan)
    numbers = [str(each.number) for each in read.instances]
    assert numbers == column(panel, "No.")
    assert "spleen" in column(panel, "Structure")


def test_the_table_is_copied_and_saved(qtbot, panel, tmp_path, monkeypatch, clipboard):
    separate_instances(qtbot, panel)
    path = tmp_path / "lesions.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))

    part(panel, "Copy", QPushButton).click()
    part(panel, "Save CSV", QPushButton).click()

    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert clipboard.text().splitlines() == [line.replace(",", "\t") for line in lines]


def test_the_script_does_the_same(qtbot, open_panel, tmp_path, monkeypatch, clipboard):
    path = tmp_path / "labels.nii.gz"
    medseg.write_segmentation(lesion_labels(TURNED), path)
    viewer = ViewerModel()
    add(viewer, medseg.read_segmentation(path), origin=Origin(path=path))
    panel = open_panel(viewer)
    fill_in(panel, "Neck depth", 0.5)
    choose(panel, "Connectivity", "6 (face)")
    separate_instances(qtbot, panel, Splitting.NECKS)
    part(panel, "Copy", QPushButton).click()
    table = clipboard.text()

    part(panel, "Copy as Python", QPushButton).click()
    monkeypatch.chdir(tmp_path)
    exec(clipboard.text(), {})  # noqa: S102 - our own script

    saved = (tmp_path / "lesions.csv").read_text(encoding="utf-8")
    assert saved.replace(",", "\t").split() == table.split()


class Press:
    """The part of vispy's event that is looked at."""

    def __init__(self, position):
        self.type, self.button, self.pos = "mouse_press", 1, (100, 100)
        self.position, self.modifiers = position, ()


def click_picture(viewer, layer, index):
    event = Press(layer.data_to_world(index))
    for callback in viewer.mouse_drag_callbacks:
        steps = callback(viewer, event)
        if steps is None:
            continue
        next(steps, None)
        event.type = "mouse_release"
        next(steps, None)
