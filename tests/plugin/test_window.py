"""What is seen in a real window: the patient the right way round, and the panels."""

import time
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QComboBox, QPushButton

import medseg
from napari_medseg.layers.conversion import volume_layers
from napari_medseg.opening.chooser import ChooserDialog
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.orientation import Plane, show_plane
from tests.plugin.scans import in_voxel_order, marker_image
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui

ORDERS = [
    ((0, 1, 2), (False, False, False)),  # RAS
    ((0, 1, 2), (True, True, False)),  # LPS, as DICOM
    ((2, 0, 1), (True, False, True)),
]
SHAPE = (48, 60, 36)  # R, A, S: no two extents alike


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


def save_scan(path, axes=(0, 1, 2), flips=(False, False, False)):
    array, geometry = in_voxel_order(marker_image(SHAPE), axes, flips)
    nibabel.save(nibabel.Nifti1Image(array, geometry.affine), path)
    return path


def marker_in_picture(viewer) -> tuple[float, float]:
    """How far right and up of the body's middle the bright marker is seen (-1 to 1)."""
    QApplication.processEvents()
    picture = viewer.screenshot(flash=False)[..., 0].astype(float)
    body, marker = np.argwhere(picture > 100), np.argwhere(picture > 240)
    assert len(marker) > 50
    top, left = body.min(axis=0)
    bottom, right = body.max(axis=0)
    down, across = marker.mean(axis=0)
    return (
        (across - (left + right) / 2) / ((right - left) / 2),
        ((top + bottom) / 2 - down) / ((bottom - top) / 2),
    )


def open_on_the_marker(viewer, path):
    viewer.open(path, plugin="medseg")
    layer = viewer.layers[-1]
    layer.contrast_limits = (-200, 400)
    for axis, place in enumerate(layer.extent.world[1] - (8.0, 9.0, 12.0)):
        viewer.dims.set_point(axis, place)
    return layer


@pytest.mark.parametrize(("axes", "flips"), ORDERS)
def test_a_dropped_scan_is_seen_in_the_radiological_way(viewer, tmp_path, axes, flips):
    open_on_the_marker(viewer, save_scan(tmp_path / "ct.nii.gz", axes, flips))

    across, up = marker_in_picture(viewer)

    assert across < -0.3  # the patient's right is on the left
    assert up > 0.3  # anterior is up


@pytest.mark.parametrize("plane", [Plane.CORONAL, Plane.SAGITTAL])
def test_the_other_planes_have_the_head_up(viewer, tmp_path, plane):
    open_on_the_marker(viewer, save_scan(tmp_path / "ct.nii.gz", *ORDERS[1]))

    show_plane(viewer, plane)
    across, up = marker_in_picture(viewer)

    assert across < -0.3  # the patient's right, or anterior, is on the left
    assert up > 0.3  # superior is up


@pytest.mark.parametrize(
    ("looking", "side"), [((0, -1, 0), -1), ((0, 1, 0), 1)], ids=["front", "back"]
)
def test_the_patient_is_not_mirrored_in_3d(viewer, tmp_path, looking, side):
    open_on_the_marker(viewer, save_scan(tmp_path / "ct.nii.gz", *ORDERS[1]))
    viewer.dims.ndisplay = 3

    camera_of(viewer).set_view_direction(looking, up_direction=(1, 0, 0))
    across, up = marker_in_picture(viewer)

    assert across * side > 0.1  # from the front the patient's right is on the left
    assert up > 0.1


def test_pixels_of_a_voxel_are_as_large_as_the_voxel(viewer, tmp_path):
    open_on_the_marker(viewer, save_scan(tmp_path / "ct.nii.gz"))
    show_plane(viewer, Plane.CORONAL)
    QApplication.processEvents()

    picture = viewer.screenshot(flash=False)[..., 0]
    height, width = np.ptp(np.argwhere(picture > 100), axis=0) + 1

    body_mm = (SHAPE[2] - 2) * 4.0, (SHAPE[0] - 4) * 2.0
    assert height / width == pytest.approx(body_mm[0] / body_mm[1], rel=0.05)


def test_a_damaged_file_is_told_and_opens_nothing(viewer, tmp_path):
    path = save_scan(tmp_path / "ct.nii.gz")
    path.write_bytes(path.read_bytes()[:-40])

    assert viewer.open(path, plugin="medseg") == []
    assert len(viewer.layers) == 0


def test_of_several_volumes_the_chosen_one_opens(viewer, tmp_path):
    for name in ("first", "second"):
        save_scan(tmp_path / f"{name}.nii.gz")

    def choose_the_second():
        (dialog,) = (
            w for w in QApplication.topLevelWidgets() if isinstance(w, ChooserDialog)
        )
        assert [info.path.name for info in dialog.chosen()] == ["first.nii.gz"]
        dialog.select_rows((1,))
        dialog.accept()

    QTimer.singleShot(500, choose_the_second)
    viewer.open(tmp_path, plugin="medseg")

    assert [layer.name for layer in viewer.layers] == ["second"]


def add_shifted(viewer, scan, reference):
    return viewer.add_labels(
        np.roll(reference.data, 1, 2),
        name="shifted",
        scale=scan.scale,
        translate=scan.translate,
        units=scan.units,
        axis_labels=scan.axis_labels,
    )


def test_the_panels_open_quickly_and_score_the_sample(viewer, qtbot):
    scan, reference = viewer.open_sample("medseg", "ct_phantom")
    started = time.perf_counter()
    _, segment = viewer.window.add_plugin_dock_widget("medseg", "Segment")
    _, scores = viewer.window.add_plugin_dock_widget("medseg", "Scores")
    assert time.perf_counter() - started < 3  # 0.5 s each on an idle machine
    add_shifted(viewer, scan, reference)

    part(scores, "Compute", QPushButton).click()
    qtbot.waitUntil(lambda: not scores.background.is_busy, timeout=60_000)

    assert "Mean of" in message(scores, "Mean scores")
    assert message(segment, "Status of the segmentation") == ""


def test_the_window_stays_within_a_small_screen(viewer, qtbot):
    viewer.window.resize(1280, 800)
    scan, reference = viewer.open_sample("medseg", "ct_phantom")
    shifted = add_shifted(viewer, scan, reference)
    viewer.window.add_plugin_dock_widget("medseg", "Segment")
    _, panel = viewer.window.add_plugin_dock_widget("medseg", "Scores")
    part(panel, "Compute", QPushButton).click()
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=60_000)
    qtbot.waitUntil(panel.curve.curve.isVisible, timeout=60_000)
    part(panel, "Errors shown", QComboBox).setCurrentIndex(1)
    qtbot.waitUntil(lambda: "errors" in viewer.layers, timeout=60_000)

    for layer in (scan, shifted, viewer.layers["errors"]):
        viewer.layers.selection.active = layer  # each kind has controls of its own
        QApplication.processEvents()
        _, _, width, height = viewer.window.geometry()
        assert width <= 1280
        assert height <= 800
    least = panel.window().minimumSizeHint().height()
    assert least <= 640  # a quarter more, for larger fonts, still is no more than 800


@pytest.mark.slow
def test_closing_the_window_stops_the_work(viewer, qtbot, untrained_model):
    phantom = medseg.make_phantom(4, shape=(96, 96, 40), spacing_mm=(4.0, 4.0, 5.0))
    coarse = replace(phantom.volume, case_id="long")
    (layer,) = (
        viewer.add_image(array, **options)
        for array, options, _ in volume_layers(coarse, "long")
    )
    _, panel = viewer.window.add_plugin_dock_widget("medseg", "Segment")
    panel.add_model_folder(str(untrained_model))
    part(panel, "Segment", QPushButton).click()
    qtbot.wait(500)
    background = panel.background
    assert background.is_busy

    viewer.close()

    qtbot.waitUntil(lambda: not background.is_busy, timeout=20_000)
    assert layer.name == "long"
