import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose

from napari_medseg.layers.conversion import volume_layers
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.orientation import (
    ORIENTATION,
    Plane,
    go_to,
    orient,
    orient_for_scan,
    show_plane,
)
from tests.plugin.scans import marker_scan


@pytest.fixture
def viewer() -> ViewerModel:
    viewer = ViewerModel()
    orient(viewer)
    array, options, _ = volume_layers(marker_scan(), "scan")[0]
    viewer.add_image(array, **options)
    return viewer


def test_a_scan_is_shown_in_millimetres_along_s_a_and_r(viewer):
    assert viewer.layers[0].axis_labels == ("S", "A", "R")
    assert [str(unit) for unit in viewer.dims.units] == ["millimeter"] * 3


def test_a_new_scan_is_shown_in_axial_slices(viewer):
    assert camera_of(viewer).orientation == ORIENTATION
    assert viewer.dims.order == (0, 1, 2)


@pytest.mark.parametrize(
    ("plane", "slider"), [(Plane.AXIAL, 0), (Plane.CORONAL, 1), (Plane.SAGITTAL, 2)]
)
def test_each_plane_slides_along_its_own_axis(viewer, plane, slider):
    show_plane(viewer, plane)

    assert viewer.dims.not_displayed == (slider,)
    assert viewer.dims.displayed[0] == (0 if slider else 1)  # up: S, or A in axial


def test_the_planes_come_with_keys(viewer):
    keys = {str(key): shows.__name__ for key, shows in viewer.keymap.items()}

    assert keys == {
        "Ctrl+1": "show_axial",
        "Ctrl+2": "show_coronal",
        "Ctrl+3": "show_sagittal",
    }


def test_the_contrast_slider_reaches_every_value(viewer):
    layer = viewer.layers[0]

    assert layer.contrast_limits == [-135, 215]
    assert layer.contrast_limits_range == [-1000, 400]


def test_layers_of_something_else_are_not_turned_round():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((5, 6, 7)), name="cells")

    orient_for_scan(viewer)

    assert camera_of(viewer).orientation != ORIENTATION


@pytest.mark.parametrize("is_allowed", [True, False])
def test_where_layers_of_something_else_are_the_user_decides(is_allowed):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((5, 6, 7)), name="cells")
    asked: list[str] = []

    def answer(name):
        asked.append(name)
        return is_allowed

    orient_for_scan(viewer, answer)

    assert asked == ["cells"]
    assert (camera_of(viewer).orientation == ORIENTATION) is is_allowed


def test_without_other_layers_nobody_is_asked(viewer):
    def answer(name):
        raise AssertionError(name)

    orient_for_scan(viewer, answer)

    assert camera_of(viewer).orientation == ORIENTATION


@pytest.mark.parametrize("plane", Plane)
def test_going_to_a_point_shows_its_slice_and_centres_it(viewer, plane):
    show_plane(viewer, plane)
    place = viewer.layers[0].extent.world[0] + (4.0, 3.0, 2.0)

    go_to(viewer, place)

    assert_allclose(viewer.dims.point, place)
    shown = [place[axis] for axis in viewer.dims.displayed]
    assert_allclose(camera_of(viewer).center[-2:], shown)


def test_going_to_a_point_is_the_same_beside_layers_of_four_axes(viewer):
    viewer.add_image(np.zeros((3, 4, 5, 6)), name="film")
    place = viewer.layers[0].extent.world[0] + (4.0, 3.0, 2.0)

    go_to(viewer, place)

    assert_allclose(viewer.dims.point[-3:], place)
    assert_allclose(camera_of(viewer).center[-2:], place[1:])
