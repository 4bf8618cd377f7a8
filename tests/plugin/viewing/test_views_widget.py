"""The Views panel, in a real window: two more views need OpenGL."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.qt import QtViewer
from numpy.testing import assert_allclose
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QPushButton,
)

from napari_medseg.layers.conversion import volume_layers
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.orientation import orient
from tests.plugin.scans import (
    in_voxel_order,
    marker_image,
    marker_scan,
    scan_of,
)
from tests.plugin.widgets import part

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    orient(viewer)
    return viewer


@pytest.fixture
def panel(viewer):
    add_scan(viewer, marker_scan())
    _, panel = viewer.window.add_plugin_dock_widget("medseg", "Views")
    return panel


def add_scan(viewer, volume, name="scan"):
    array, options, _ = volume_layers(volume, name)[0]
    return viewer.add_image(array, **options)


def sides(panel):
    return panel.findChildren(QtViewer)


def picture(side):
    QApplication.processEvents()
    return side.screenshot(flash=False)[..., 0].astype(float)


def marker_in(side) -> tuple[float, float]:
    """How far right and up of the body's middle the bright marker is seen (-1 to 1)."""
    grey = picture(side)
    body, marker = np.argwhere(grey > 100), np.argwhere(grey > 240)
    assert len(marker) > 20
    middle, half = (body.min(0) + body.max(0)) / 2, np.ptp(body, axis=0) / 2
    down, across = (marker.mean(axis=0) - middle) / half
    return float(across), float(-down)


def test_a_preset_sets_the_window_and_the_window_shows_its_preset(viewer, panel):
    presets = part(panel, "Window preset", QComboBox)
    assert presets.currentText() == "Abdomen"

    presets.setCurrentText("Lung")
    presets.activated.emit(presets.currentIndex())

    assert viewer.layers[0].contrast_limits == [-1200, 200]
    assert part(panel, "Window width", QDoubleSpinBox).value() == 1400
    viewer.layers[0].contrast_limits = (0, 130)
    assert presets.currentText() == "Own"
    assert part(panel, "Window level", QDoubleSpinBox).value() == 65


def test_width_and_level_can_be_typed(viewer, panel):
    part(panel, "Window width", QDoubleSpinBox).setValue(200)
    part(panel, "Window level", QDoubleSpinBox).setValue(0)

    assert viewer.layers[0].contrast_limits == [-100, 100]


def test_the_presets_follow_the_scan(viewer, panel):
    values = np.random.default_rng(0).normal(500, 50, (20, 24, 14))

    add_scan(viewer, scan_of(*in_voxel_order(values), channel="MR"), "mr")

    presets = part(panel, "Window preset", QComboBox)
    assert presets.currentText() == "Usual"


def test_buttons_show_the_planes_and_3d(viewer, panel):
    part(panel, "Coronal", QPushButton).click()
    assert viewer.dims.order == (1, 0, 2)
    part(panel, "3D", QPushButton).click()
    assert viewer.dims.ndisplay == 3
    part(panel, "Axial", QPushButton).click()
    assert viewer.dims.ndisplay == 2


def test_every_digit_of_a_slice_number_has_room_beside_the_sliders(
    viewer, panel, qtbot
):
    viewer.layers.clear()
    add_scan(viewer, scan_of(*in_voxel_order(marker_image((120, 130, 36)))))
    part(panel, "Three planes", QPushButton).click()
    qtbot.wait(300)

    for side in sides(panel):
        for number in side.findChildren(QLineEdit, "slice_label"):
            if number.isVisible():
                total = number.parentWidget().findChild(QLabel, "slice_label").text()
                digits = number.fontMetrics().horizontalAdvance(total)
                inside = number.width() - 4  # Qt's own margins
                assert digits + number.cursorRect().width() / 2 <= inside


@pytest.mark.parametrize("flips", [(False, False, False), (True, True, False)])
def test_the_two_more_planes_are_seen_in_the_radiological_way(
    viewer, panel, qtbot, flips
):
    viewer.layers.clear()
    image = marker_image((48, 60, 36))
    scan = add_scan(viewer, scan_of(*in_voxel_order(image, flips=flips)))
    scan.contrast_limits = (-200, 400)
    viewer.dims.point = scan.extent.world[1] - (16.0, 9.0, 12.0)

    part(panel, "Three planes", QPushButton).click()
    qtbot.wait(300)

    coronal, sagittal = sides(panel)
    for side in (coronal, sagittal):
        across, up = marker_in(side)
        assert across < -0.3  # the patient's right, or anterior, is on the left
        assert up > 0.3  # superior is up


def test_a_click_in_one_plane_moves_the_others(viewer, panel, qtbot):
    part(panel, "Three planes", QPushButton).click()
    qtbot.wait(300)
    coronal, _ = sides(panel)
    before = viewer.dims.point
    canvas = coronal.canvas.native

    QTest.mouseMove(canvas, QPoint(canvas.width() // 2, canvas.height() // 3))
    QTest.mouseClick(
        canvas,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        QPoint(canvas.width() // 2, canvas.height() // 3),
    )
    qtbot.wait(100)

    assert viewer.dims.point[0] > before[0]  # up in the picture is superior
    assert_allclose(viewer.dims.point[1], before[1])


def test_the_two_more_planes_go_away_again(viewer, panel, qtbot):
    button = part(panel, "Three planes", QPushButton)

    button.click()
    assert len(sides(panel)) == 2
    button.click()
    qtbot.waitUntil(lambda: sides(panel) == [])

    viewer.dims.point = viewer.layers[0].extent.world[0]


@pytest.fixture
def lone_view(qtbot):
    """A viewer of its own with one scan, in a window."""
    model = ViewerModel()
    orient(model)
    add_scan(model, marker_scan())
    side = QtViewer(model)
    side.resize(400, 400)
    side.show()
    qtbot.waitExposed(side)
    yield side
    side.close()


def mouse(canvas, kind, point, held):
    button = Qt.MouseButton.RightButton
    is_move = kind == QEvent.Type.MouseMove
    event = QMouseEvent(
        kind,
        QPointF(*point),
        canvas.mapToGlobal(QPointF(*point)),
        Qt.MouseButton.NoButton if is_move else button,
        held,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(canvas, event)


def test_a_drag_with_the_right_button_changes_window_and_level(lone_view):
    camera = camera_of(lone_view.viewer)
    layer = lone_view.viewer.layers[0]
    zoom, canvas = camera.zoom, lone_view.canvas.native
    held, none = Qt.MouseButton.RightButton, Qt.MouseButton.NoButton

    mouse(canvas, QEvent.Type.MouseButtonPress, (100, 100), held)
    mouse(canvas, QEvent.Type.MouseMove, (150, 140), held)
    mouse(canvas, QEvent.Type.MouseButtonRelease, (150, 140), none)

    low, high = layer.contrast_limits
    assert high - low == pytest.approx(350 + 50 * 1.4)  # of 1400 HU in all
    assert (high + low) / 2 == pytest.approx(40 - 40 * 1.4)
    assert camera.zoom == zoom
    assert camera.mouse_pan


def test_the_left_button_does_not_change_the_window(lone_view):
    layer = lone_view.viewer.layers[0]
    canvas = lone_view.canvas.native

    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    QTest.mouseMove(canvas, QPoint(150, 140))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(150, 140))

    assert layer.contrast_limits == [-135, 215]
