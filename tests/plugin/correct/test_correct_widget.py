from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QPushButton,
    QSpinBox,
)

from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.correct.choice import TRAITS, Combine, Tool
from napari_medseg.correct.widget import CorrectWidget
from napari_medseg.layers.conversion import record_of
from napari_medseg.layers.structures import structures_of
from tests.plugin.correct.handling import (
    PREVIEW,
    STATUS,
    choose,
    click,
    fill_in,
    filled,
    names_of,
    press,
    remove_the_marker,
    two_tumours,
    wait,
)
from tests.plugin.scans import (
    in_voxel_order,
    marker_image,
    marker_labels,
    marker_scan,
    rotated,
    scan_of,
)
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui


def test_the_preview_shows_what_would_go(qtbot, viewer, panel):
    remove_the_marker(panel)
    wait(qtbot, panel)

    result, preview = viewer.layers["result"], viewer.layers[PREVIEW]
    assert (preview.data == 2).sum() == (result.data == 2).sum()
    corner = np.argwhere(result.data == 2).min(axis=0)
    assert_allclose(preview.translate, result.data_to_world(corner))
    assert viewer.layers.selection.active is result
    shown = np.flatnonzero((preview.data == 2).any(axis=(1, 2))) + corner[0]
    voxel_ml = np.prod(result.scale) / 1000
    assert message(panel, STATUS) == (
        f"liver tumour: removes {(result.data == 2).sum() * voxel_ml:.1f} ml in "
        f"axial slices {shown[0]}-{shown[-1]}."
    )


def test_the_preview_is_offered_in_no_list(qtbot, viewer, panel):
    remove_the_marker(panel)
    wait(qtbot, panel)

    assert PREVIEW in viewer.layers
    assert part(panel, "Labels", LayerBox).findText(PREVIEW) == -1


def test_the_first_correction_goes_to_a_copy(qtbot, viewer, panel):
    before = viewer.layers["result"].data.copy()
    remove_the_marker(panel)
    wait(qtbot, panel)
    assert viewer.layers[PREVIEW].visible

    click(qtbot, panel, "Apply")

    assert_array_equal(viewer.layers["result"].data, before)
    assert not viewer.layers["result"].visible
    edited = viewer.layers["result edited"]
    assert not (edited.data == 2).any()
    assert part(panel, "Labels", LayerBox).layer() is edited
    assert not viewer.layers[PREVIEW].visible


def test_further_corrections_stay_in_the_copy(qtbot, viewer, panel):
    remove_the_marker(panel)
    click(qtbot, panel, "Apply")

    choose(panel, "Structure", "liver")
    click(qtbot, panel, "Apply")

    assert [layer.name for layer in viewer.layers if layer.visible] == [
        "scan",
        "result edited",
    ]


def test_what_the_user_drew_is_corrected_where_it_is(qtbot, viewer, panel):
    scan = viewer.layers["scan"]
    drawn = viewer.add_labels(
        (scan.data == 400).astype(np.uint8) * 2,
        name="drawn",
        scale=scan.scale,
        translate=scan.translate,
        units=scan.units,
        axis_labels=scan.axis_labels,
    )
    drawn.selected_label = 2
    colours = drawn.colormap
    assert part(panel, "Structure", QComboBox).currentText() == "label 2"
    choose(panel, "Result", Combine.REMOVE)
    fill_in(panel, lower=300, upper=500)

    click(qtbot, panel, "Apply")

    assert not drawn.data.any()
    assert drawn.colormap is colours
    assert "drawn edited" not in viewer.layers


def test_a_correction_is_written_down(qtbot, viewer, panel):
    remove_the_marker(panel)
    click(qtbot, panel, "Apply")

    edited = viewer.layers["result edited"]
    record = record_of(edited)
    assert record is not None
    assert record.provenance is not None
    assert record.provenance.notes == ("edited: threshold on liver tumour",)
    assert record.provenance.is_interactive
    assert list(edited.features["volume_ml"])[2] == 0


def test_undo_and_redo(qtbot, viewer, panel):
    before = viewer.layers["result"].data.copy()
    volumes = viewer.layers["result"].features["volume_ml"]
    remove_the_marker(panel)
    click(qtbot, panel, "Apply")
    edited = viewer.layers["result edited"]
    after = edited.data.copy()

    click(qtbot, panel, "Undo")
    assert_array_equal(edited.data, before)
    assert_allclose(edited.features["volume_ml"], volumes)
    assert not part(panel, "Undo", QPushButton).isEnabled()

    click(qtbot, panel, "Redo")
    assert_array_equal(edited.data, after)
    assert not part(panel, "Redo", QPushButton).isEnabled()


def test_undo_and_redo_say_that_they_are_done(qtbot, panel):
    remove_the_marker(panel)
    for name, word in (("Apply", "Done."), ("Undo", "Undone: "), ("Redo", "Redone: ")):
        click(qtbot, panel, name)
        assert message(panel, STATUS).startswith(word)


def test_nothing_can_be_asked_for_that_would_be_ignored(qtbot, viewer, panel):
    """From Apply until it is written: what is enabled does something."""
    remove_the_marker(panel)
    wait(qtbot, panel)
    undo = part(panel, "Undo", QPushButton)
    ignored = [part(panel, name, QPushButton) for name in ("Apply", "Paint", "Redo")]
    seen = []
    viewer.layers.events.inserted.connect(lambda _event: seen.append(undo.isEnabled()))

    part(panel, "Apply", QPushButton).click()
    assert not any(button.isEnabled() for button in (*ignored, undo))
    qtbot.waitUntil(undo.isEnabled, timeout=30_000)
    undo.click()
    wait(qtbot, panel)

    assert seen == [False]
    edited, result = viewer.layers["result edited"], viewer.layers["result"]
    assert_array_equal(edited.data, result.data)


def test_a_change_far_larger_than_the_structure_is_warned_of(qtbot, viewer, panel):
    result = viewer.layers["result"]
    choose(panel, "Structure", "liver tumour")
    part(panel, "Leave others", QCheckBox).setChecked(False)
    choose(panel, "Result", Combine.ADD)
    fill_in(panel, lower=-2000, upper=2000)
    wait(qtbot, panel)

    before = (result.data == 2).sum()
    times = (result.data.size - before) / before
    assert times > 10
    assert f"Mind: that is {times:.0f} times the" in message(panel, STATUS)


def test_a_few_voxels_are_counted(qtbot, viewer, panel):
    data = viewer.layers["result"].data
    place = tuple(np.argwhere(data == 2)[0])
    scan = viewer.layers["scan"]
    scan.data[place] = 999
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Result", Combine.REMOVE)
    fill_in(panel, lower=900, upper=1000)
    wait(qtbot, panel)

    said = f"liver tumour: removes 1 voxel in axial slice {place[0]}."
    assert message(panel, STATUS) == said


def test_a_region_grows_from_a_point(qtbot, viewer, panel):
    viewer.layers["result"].data = np.zeros_like(viewer.layers["result"].data)
    choose(panel, "Tool", Tool.GROW)
    wait(qtbot, panel)
    assert message(panel, STATUS) == "Click in the picture to start there."
    press(viewer, np.argwhere(viewer.layers["scan"].data == 400)[20])
    wait(qtbot, panel)
    fill_in(panel, lower=300, upper=500)

    click(qtbot, panel, "Apply")

    edited = viewer.layers["result edited"]
    assert_array_equal(edited.data == 1, viewer.layers["scan"].data == 400)


def test_the_basin_under_a_click_is_taken(qtbot, viewer, panel):
    scan, result = viewer.layers["scan"], viewer.layers["result"]
    result.data = np.zeros_like(result.data)
    choose(panel, "Tool", Tool.BASINS)
    fill_in(panel, level=50, sigma=0.5)
    press(viewer, (0, 0, 0))
    wait(qtbot, panel)
    in_air = viewer.layers[PREVIEW].data[0, 0, 0]
    press(viewer, (6, 10, 8))

    click(qtbot, panel, "Apply")

    edited = viewer.layers["result edited"].data == 1
    assert edited[6, 10, 8]
    assert edited[scan.data > 0].mean() > 0.5
    assert not edited[0, 0, 0]
    assert in_air


def test_a_mask_for_ct_is_refused_for_another_modality(qtbot):
    mr = scan_of(*in_voxel_order(marker_image()), channel="MR")
    viewer = filled(mr, marker_labels())
    panel = CorrectWidget(viewer)
    qtbot.addWidget(panel)

    choose(panel, "Tool", Tool.LUNGS)
    wait(qtbot, panel)

    assert message(panel, STATUS).startswith("CHANNEL_MISMATCH: the scan is MR")
    panel.end()


def test_the_range_is_taken_from_round_the_click(qtbot, viewer, panel):
    choose(panel, "Tool", Tool.GROW)

    press(viewer, (7, 12, 8))
    wait(qtbot, panel)

    lower, upper = (
        part(panel, name, QDoubleSpinBox).value() for name in ("Lower", "Upper")
    )
    assert lower <= viewer.layers["scan"].data[7, 12, 8] <= upper


def test_a_drag_sets_no_seed(qtbot, viewer, panel):
    choose(panel, "Tool", Tool.GROW)

    press(viewer, (7, 12, 8), moved_px=30)
    wait(qtbot, panel)

    assert message(panel, "Seed").startswith("Click in the picture")


def test_seeds_lie_where_they_were_clicked_in_an_oblique_scan(qtbot):
    scan, labels = marker_scan(), marker_labels()
    turned = rotated(scan.geometry, 20)
    viewer = filled(replace(scan, geometry=turned), replace(labels, geometry=turned))
    panel = CorrectWidget(viewer)
    qtbot.addWidget(panel)
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Result", Combine.REPLACE)
    choose(panel, "Tool", Tool.GROW)
    press(viewer, np.argwhere(viewer.layers["scan"].data == 400)[20])
    wait(qtbot, panel)
    fill_in(panel, lower=300, upper=500)
    wait(qtbot, panel)

    assert "0.00 ml more, 0.00 ml less" in message(panel, STATUS) or (
        message(panel, STATUS) == "Nothing would change."
    )
    panel.end()


def test_work_stays_within_the_box(qtbot, viewer, panel):
    click(qtbot, panel, "Draw box")
    scan = viewer.layers["scan"]
    corners = [(3, 2, 2), (3, 2, 9), (3, 9, 9), (3, 9, 2)]
    region = viewer.layers["region of scan"]
    rectangle = [region.world_to_data(scan.data_to_world(c)) for c in corners]
    region.add_rectangles([np.array(rectangle)])
    choose(panel, "Structure", "liver")
    choose(panel, "Result", Combine.REMOVE)
    fill_in(panel, lower=0, upper=100)

    click(qtbot, panel, "Apply")
    assert message(panel, STATUS).startswith("Done")

    before, after = viewer.layers["result"].data, viewer.layers["result edited"].data
    changed = np.argwhere(before != after)
    assert_array_equal(changed.min(axis=0)[1:], (2, 2))
    assert_array_equal(changed.max(axis=0)[1:], (9, 9))
    assert np.ptp(changed[:, 0]) == before.shape[0] - 3


def test_painting_starts_on_the_copy_with_the_structure(qtbot, viewer, panel):
    choose(panel, "Structure", "liver tumour")

    click(qtbot, panel, "Paint")

    edited = viewer.layers["result edited"]
    assert viewer.layers.selection.active is edited
    assert edited.mode == "paint"
    assert edited.selected_label == 2


def test_the_structure_follows_the_label_selected_in_napari(viewer, panel):
    viewer.layers["result"].selected_label = 2

    assert part(panel, "Structure", QComboBox).currentText() == "liver tumour"


def test_a_stroke_makes_a_new_preview(qtbot, viewer, panel):
    click(qtbot, panel, "Paint")
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Result", Combine.REMOVE)
    fill_in(panel, lower=-1100, upper=500)
    wait(qtbot, panel)
    edited = viewer.layers["result edited"]
    before = message(panel, STATUS)

    edited.paint((5, 5, 5), 2)
    qtbot.wait(600)
    wait(qtbot, panel)

    assert message(panel, STATUS) != before
    assert viewer.layers[PREVIEW].data.astype(bool).sum() == (edited.data == 2).sum()


def test_a_split_gets_names_and_colours(qtbot, viewer, panel):
    two_tumours(viewer.layers["result"])
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Tool", Tool.SPLIT)

    click(qtbot, panel, "Apply")

    edited = viewer.layers["result edited"]
    assert names_of(edited) == ("liver", "liver tumour", "liver tumour 2")
    assert 3 in edited.colormap.color_dict
    assert part(panel, "Structure", QComboBox).findText("liver tumour 2") == 2


def test_a_structure_can_be_added(qtbot, viewer, panel):
    panel.add_structure("spleen")
    wait(qtbot, panel)

    edited = viewer.layers["result edited"]
    assert names_of(edited) == ("liver", "liver tumour", "spleen")
    assert part(panel, "Structure", QComboBox).currentText() == "spleen"


def test_a_scan_without_labels_gets_some(qtbot):
    viewer = filled(marker_scan())
    panel = CorrectWidget(viewer)
    qtbot.addWidget(panel)
    panel.add_structure("bone")
    fill_in(panel, lower=300, upper=500)

    click(qtbot, panel, "Apply")

    labels = viewer.layers["labels of scan"]
    assert_array_equal(labels.data == 1, viewer.layers["scan"].data == 400)
    panel.end()


def test_the_range_of_the_structure_is_filled_in(qtbot, panel):
    choose(panel, "Structure", "liver tumour")

    click(qtbot, panel, "Range of the structure")

    assert part(panel, "Lower", QDoubleSpinBox).value() == 400


def test_without_live_preview_nothing_is_computed_until_apply(qtbot, viewer, panel):
    part(panel, "Live preview", QCheckBox).setChecked(False)
    remove_the_marker(panel)
    wait(qtbot, panel)
    assert PREVIEW not in viewer.layers

    click(qtbot, panel, "Apply")

    assert not (viewer.layers["result edited"].data == 2).any()


def test_a_box_that_is_yet_to_be_drawn_is_asked_for(qtbot, viewer, panel):
    click(qtbot, panel, "Draw box")

    remove_the_marker(panel)
    wait(qtbot, panel)

    assert message(panel, STATUS).startswith("INVALID_OPTION: the layer holds no box")
    assert viewer.dims.ndisplay == 2


def test_a_scan_of_another_place_is_refused(qtbot, viewer, panel):
    viewer.layers["scan"].translate = (1.0, 2.0, 3.0)
    fill_in(panel, lower=0)
    wait(qtbot, panel)

    assert message(panel, STATUS).startswith("GRID_MISMATCH")


def test_a_stroke_painted_just_before_apply_is_not_lost(qtbot, viewer, panel):
    click(qtbot, panel, "Paint")
    edited = viewer.layers["result edited"]
    remove_the_marker(panel)
    wait(qtbot, panel)

    stroke = tuple(np.argwhere(edited.data == 2)[:3].T)
    edited.data_setitem(stroke, 1)  # as a brush does
    before = edited.data.copy()
    click(qtbot, panel, "Apply")

    assert (edited.data[stroke] == 1).all()
    assert_array_equal(edited.data, np.where(before == 2, 0, before))


def test_a_stroke_painted_while_a_change_is_made_is_not_lost(qtbot, viewer, panel):
    remove_the_marker(panel)
    click(qtbot, panel, "Apply")
    edited = viewer.layers["result edited"]

    before = viewer.layers["result"].data
    stroke = tuple(np.argwhere(before == 2)[:3].T)

    part(panel, "Undo", QPushButton).click()
    edited.data_setitem(stroke, 1)
    wait(qtbot, panel)

    assert (edited.data[stroke] == 1).all()
    assert (edited.data == 2).sum() == (before == 2).sum() - 3


def test_labels_removed_while_a_change_is_made_stay_removed(qtbot, viewer, panel):
    remove_the_marker(panel)
    click(qtbot, panel, "Apply")
    edited = viewer.layers["result edited"]

    part(panel, "Undo", QPushButton).click()
    viewer.layers.remove(edited)
    wait(qtbot, panel)

    assert part(panel, "Labels", LayerBox).layer() is viewer.layers["result"]
    assert not (edited.data == 2).any()


def test_a_new_structure_gets_a_number_that_no_voxel_has(qtbot, viewer, panel):
    data = viewer.layers["result"].data
    data[0, 0, :4] = 3  # painted by hand, without a name

    panel.add_structure("spleen")
    wait(qtbot, panel)

    edited = viewer.layers["result edited"]
    id_ = structures_of(edited)["spleen"].id
    assert not (edited.data == id_).any()
    assert list(edited.features["structure"])[-1] == "spleen"


def test_a_split_in_a_box_takes_no_number_from_outside_it(qtbot, viewer, panel):
    two_tumours(viewer.layers["result"])
    viewer.layers["result"].data[13, 0, :4] = 3
    draw_box(viewer, panel, (1, 0, 0), (12, 21, 17))
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Tool", Tool.SPLIT)

    click(qtbot, panel, "Apply")

    edited = viewer.layers["result edited"]
    assert structures_of(edited)["liver tumour 2"].id == 4
    assert (edited.data == 3).sum() == 4


def test_a_click_in_3d_is_no_seed(viewer, panel):
    choose(panel, "Tool", Tool.GROW)
    viewer.dims.ndisplay = 3

    press(viewer, (7, 12, 8))

    assert message(panel, "Seed").startswith("Click in the picture")


def test_numbers_that_no_label_can_have_are_refused_in_one_line(qtbot, viewer, panel):
    scan = viewer.layers["scan"]
    drawn = np.zeros(scan.data.shape, np.int32)
    drawn[0, 0, :2] = -1, 70_000
    viewer.add_labels(
        drawn,
        scale=scan.scale,
        translate=scan.translate,
        units=scan.units,
        axis_labels=scan.axis_labels,
    )
    fill_in(panel, lower=0)
    wait(qtbot, panel)

    assert message(panel, STATUS).startswith("NOT_A_LABEL_MAP: there is a label -1")


def draw_box(viewer, panel, first, last):
    """A box from one voxel to another of the scan."""
    part(panel, "Draw box", QPushButton).click()
    scan, region = viewer.layers["scan"], viewer.layers["region of scan"]
    for depth in (first[0], last[0]):
        (_, a, b), (_, c, d) = first, last
        corners = [(depth, a, b), (depth, a, d), (depth, c, d), (depth, c, b)]
        region.add_rectangles(
            [np.array([region.world_to_data(scan.data_to_world(p)) for p in corners])]
        )


def test_labels_of_other_voxels_are_refused_in_one_line(qtbot, viewer, panel):
    viewer.layers["scan"].data = viewer.layers["scan"].data[1:]
    fill_in(panel, lower=0)
    wait(qtbot, panel)

    assert message(panel, STATUS).startswith("GRID_MISMATCH")


def test_a_closed_panel_listens_no_more(qtbot, viewer, panel, monkeypatch):
    draw_box(viewer, panel, (1, 2, 2), (5, 9, 9))
    wait(qtbot, panel)
    start, ended = panel.background.start, []

    def start_and_close(title, work):
        start(title, work)
        panel.end()  # as soon as can be: the work is too short to be caught later
        ended.append(title)

    monkeypatch.setattr(panel.background, "start", start_and_close)
    part(panel, "Upper", QDoubleSpinBox).setValue(450)
    qtbot.waitUntil(lambda: bool(ended), timeout=30_000)

    viewer.layers["region of scan"].data = viewer.layers["region of scan"].data[:1]
    viewer.layers["result"].data = viewer.layers["result"].data.copy()
    wait(qtbot, panel)
    qtbot.wait(500)  # longer than any pause

    assert panel.is_at_rest
    assert PREVIEW not in viewer.layers


def test_closing_takes_the_preview_away(qtbot, viewer, panel):
    remove_the_marker(panel)
    wait(qtbot, panel)
    callbacks = len(viewer.mouse_drag_callbacks)

    panel.end()

    assert PREVIEW not in viewer.layers
    assert len(viewer.mouse_drag_callbacks) == callbacks - 1


@pytest.mark.parametrize("tool", list(Tool))
def test_every_setting_of_every_tool_has_a_control(panel, tool):
    part(panel, "Tool", QComboBox).setCurrentText(tool)

    settings = panel.view.area.settings()

    assert isinstance(settings, TRAITS[tool].settings)


def test_every_control_has_a_name_and_a_tooltip(panel):
    for tool in Tool:
        part(panel, "Tool", QComboBox).setCurrentText(tool)
        kinds = (QPushButton, QComboBox, QSpinBox, QDoubleSpinBox, QCheckBox)
        controls = [control for kind in kinds for control in panel.findChildren(kind)]
        nameless = [c for c in controls if not (c.accessibleName() and c.toolTip())]
        assert nameless == []
