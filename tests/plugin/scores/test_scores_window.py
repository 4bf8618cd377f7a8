"""What is seen of the scores in a real window."""

import re
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDockWidget,
    QLabel,
    QPushButton,
    QTableView,
)

import medseg
from napari_medseg.layers.conversion import segmentation_layer
from napari_medseg.scores.details import ErrorScope
from napari_medseg.viewing.orientation import orient
from tests.plugin.scans import LABELS
from tests.plugin.widgets import part

pytestmark = pytest.mark.gui
SHAPE = (40, 40, 12)  # R, A, S


def boxes(**places):
    """A label map with a box of liver at each place (R, A), through all slices."""
    array = np.zeros(SHAPE, np.uint8)
    for r, a in places.values():
        array[r : r + 8, a : a + 8] = 1
    geometry = medseg.Geometry.from_spacing(SHAPE, (1.0, 1.0, 1.0))
    return medseg.Segmentation(array=array, geometry=geometry, labels=LABELS)


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 800)
    right, left = boxes(both=(16, 16), extra=(4, 4)), boxes(both=(16, 16), gone=(28, 4))
    for name, labels in (("truth", left), ("mine", right)):
        array, options, _ = segmentation_layer(replace(labels, case_id="c1"), name)
        viewer.add_labels(array, **options)
    orient(viewer)
    return viewer


@pytest.fixture
def panel(viewer, qtbot):
    _, panel = viewer.window.add_plugin_dock_widget("medseg", "Scores")
    part(panel, "Prediction", QComboBox).setCurrentText("mine")
    part(panel, "Reference", QComboBox).setCurrentText("truth")
    part(panel, "Compute", QPushButton).click()
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=60_000)
    qtbot.waitUntil(lambda: not panel.details.is_busy, timeout=60_000)
    return panel


def colours_seen(viewer):
    """Every colour of the picture that is not noise at an edge."""
    QApplication.processEvents()
    picture = viewer.screenshot(flash=False)[..., :3].reshape(-1, 3)
    colours, counts = np.unique(picture, axis=0, return_counts=True)
    return {tuple(colour) for colour in colours[counts > 200].tolist()}


def place_seen(viewer, colour):
    """Middle of what has a colour, as shares of the picture, from top and left."""
    picture = viewer.screenshot(flash=False)[..., :3].astype(int)
    where = np.argwhere(np.abs(picture - colour).max(axis=-1) <= 2)
    return where.mean(axis=0) / picture.shape[:2]


def test_errors_have_their_colours_and_lie_where_they_are(viewer, panel, qtbot):
    part(panel, "Errors shown", QComboBox).setCurrentText(ErrorScope.ALL.value)
    qtbot.waitUntil(lambda: "errors" in viewer.layers, timeout=60_000)
    viewer.layers["errors"].opacity = 1

    seen = colours_seen(viewer)

    extra = medseg.AGREEMENT_LABELS["false positive"].colour
    gone = medseg.AGREEMENT_LABELS["false negative"].colour
    assert {extra, gone} <= seen
    correct = np.array(medseg.AGREEMENT_LABELS["correct"].colour) * 0.4
    assert any(np.abs(np.array(colour) - correct).max() <= 2 for colour in seen)
    down_extra, across_extra = place_seen(viewer, extra)
    down_gone, across_gone = place_seen(viewer, gone)
    assert across_gone < 0.5 < across_extra  # the patient's right is on the left
    assert min(down_extra, down_gone) > 0.5  # both lie behind the middle


def test_the_legend_has_the_colours_of_the_layer_over_grey(viewer, panel, qtbot):
    grey = np.full(viewer.layers["mine"].data.shape, 0.5, np.float32)
    like = viewer.layers["mine"]
    viewer.add_image(
        grey, scale=like.scale, translate=like.translate, contrast_limits=(0, 1)
    )
    viewer.layers.move(len(viewer.layers) - 1, 0)
    part(panel, "Errors shown", QComboBox).setCurrentText(ErrorScope.ALL.value)
    qtbot.waitUntil(lambda: "errors" in viewer.layers, timeout=60_000)

    words = part(panel, "Colours of the errors", QLabel).text()
    seen = np.array(list(colours_seen(viewer)))

    found = re.findall(r"rgb\((\d+), (\d+), (\d+)\).*?nbsp;([a-z]+)", words)
    assert [name for *_, name in found] == ["correct", "false", "false", "other"]
    for *colour, _name in found[:3]:  # nothing here is of another structure
        assert np.abs(seen - np.array(colour, int)).max(axis=1).min() <= 3


def test_the_curve_lies_under_the_view_until_it_is_not_wanted(panel):
    dock = panel.curve.curve.parent()
    while not isinstance(dock, QDockWidget):
        dock = dock.parent()

    assert dock.isVisible()
    assert dock.geometry().top() > panel.parent().geometry().top()
    part(panel, "Slice curve", QCheckBox).setChecked(False)
    assert not dock.isVisible()
    part(panel, "Slice curve", QCheckBox).setChecked(True)
    assert dock.isVisible()


def test_the_curve_goes_with_the_panel(viewer, panel):
    curve = panel.curve.curve

    viewer.window.remove_dock_widget(panel)

    assert curve.parent() is None


def test_the_curve_can_be_closed_and_asked_for_again(viewer, panel):
    viewer.window.remove_dock_widget(panel.curve.curve)
    wanted = part(panel, "Slice curve", QCheckBox)

    wanted.setChecked(False)
    wanted.setChecked(True)
    QApplication.processEvents()

    assert panel.curve.curve.isVisible()


def test_no_column_is_cut_off_at_the_panels_own_width(viewer, panel):
    table = part(panel, "Scores", QTableView)
    QApplication.processEvents()

    assert table.horizontalHeader().length() <= table.viewport().width()
    assert viewer.window.geometry()[2] <= 1280
    assert viewer.window.geometry()[3] <= 800
