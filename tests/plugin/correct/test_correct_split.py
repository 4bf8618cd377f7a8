"""Making structures of touching lesions is a correction like any other: it is undone.

Each test splits "liver tumour", which lies in two pieces, in two structures.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from qtpy.QtWidgets import QComboBox, QPushButton

from napari_medseg.correct.choice import Tool
from napari_medseg.layers.structures import structures_of
from tests.plugin.correct.handling import (
    choose,
    click,
    filled,
    made_by_a_model,
    names_of,
    remove_the_marker,
    two_tumours,
    wait,
)
from tests.plugin.scans import marker_scan
from tests.plugin.widgets import part

BEFORE = ("liver", "liver tumour")
AFTER = (*BEFORE, "liver tumour 2")


@pytest.fixture
def split(qtbot, viewer, panel):
    """The layer that was split, last of two corrections."""
    click(qtbot, panel, "Paint")
    edited = viewer.layers["result edited"]
    remove_the_marker(panel)
    click(qtbot, panel, "Apply")
    two_tumours(edited)
    split_the_tumours(qtbot, panel)
    return edited


def split_the_tumours(qtbot, panel):
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Tool", Tool.SPLIT)
    click(qtbot, panel, "Apply")


def is_enabled(panel, name):
    return part(panel, name, QPushButton).isEnabled()


def offered(panel):
    box = part(panel, "Structure", QComboBox)
    return tuple(box.itemText(index) for index in range(box.count()))


def test_undone_and_redone_the_new_structures_go_and_come_again(qtbot, panel, split):
    after, volumes = split.data.copy(), split.features["volume_ml"].copy()
    assert names_of(split) == AFTER

    click(qtbot, panel, "Undo")
    assert set(np.unique(split.data)) == {0, 2}
    assert names_of(split) == offered(panel) == BEFORE
    assert list(split.features["structure"])[1:] == list(BEFORE)
    assert 3 not in split.colormap.color_dict

    click(qtbot, panel, "Redo")
    assert_array_equal(split.data, after)
    assert names_of(split) == offered(panel) == AFTER
    assert list(split.features["structure"])[1:] == list(AFTER)
    assert_allclose(split.features["volume_ml"], volumes)
    assert 3 in split.colormap.color_dict


@pytest.mark.usefixtures("split")
def test_the_corrections_before_it_can_still_be_undone(qtbot, panel):
    click(qtbot, panel, "Undo")
    assert is_enabled(panel, "Undo")

    click(qtbot, panel, "Undo")

    assert not is_enabled(panel, "Undo")


def test_a_new_structure_that_was_painted_since_stays(qtbot, panel, split):
    split.data_setitem(tuple(np.array([each]) for each in (0, 0, 0)), 3)

    click(qtbot, panel, "Undo")

    assert split.data[0, 0, 0] == 3
    assert names_of(split) == AFTER


def test_a_structure_named_after_undo_is_not_mixed_with_those_undone(
    qtbot, panel, split
):
    click(qtbot, panel, "Undo")

    panel.add_structure("liver tumour 2")
    wait(qtbot, panel)

    assert structures_of(split)["liver tumour 2"].id == 3
    assert not (split.data == 3).any()
    assert not is_enabled(panel, "Redo")
    assert is_enabled(panel, "Undo")


@pytest.fixture
def window_panel(qtbot, make_napari_viewer):
    """In a window napari wraps the viewer for a panel; through that, each look at a
    layer gives another object."""
    viewer = make_napari_viewer(show=True)
    for layer in filled(marker_scan(), made_by_a_model()).layers:
        viewer.add_layer(layer)
    two_tumours(viewer.layers["result"])
    _, panel = viewer.window.add_plugin_dock_widget("medseg", "Correct")
    wait(qtbot, panel)
    return viewer, panel


@pytest.mark.gui
def test_in_a_window_all_corrections_can_be_undone(qtbot, window_panel):
    viewer, panel = window_panel
    before = viewer.layers["result"].data.copy()
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Tool", Tool.SMOOTH)
    click(qtbot, panel, "Apply")
    split_the_tumours(qtbot, panel)
    assert names_of(viewer.layers["result edited"]) == AFTER

    for _ in ("split", "smooth"):
        assert is_enabled(panel, "Undo")
        click(qtbot, panel, "Undo")

    assert_array_equal(viewer.layers["result edited"].data, before)
    assert not is_enabled(panel, "Undo")
    assert is_enabled(panel, "Redo")


@pytest.mark.gui
def test_in_a_window_work_is_limited_to_the_box_that_is_drawn(window_panel):
    _, panel = window_panel

    part(panel, "Draw box", QPushButton).click()

    assert part(panel, "Region", QComboBox).currentText() == "region of scan"
