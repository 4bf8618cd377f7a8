from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from numpy.testing import assert_allclose

from napari_medseg.layers.conversion import segmentation_layer, volume_layers
from napari_medseg.layers.uncertainty import uncertainty_layers
from napari_medseg.viewing.orientation import orient
from napari_medseg.viewing.status_line import patient_point_ras_mm, patient_words
from napari_medseg.viewing.window_drag import scan_to_window
from tests.plugin.scans import (
    in_voxel_order,
    marker_image,
    marker_labels,
    marker_scan,
    rotated,
    scan_of,
)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    orient(viewer)
    viewer.mouse_over_canvas = True
    return viewer


def add_scan(viewer, volume):
    array, options, _ = volume_layers(volume, "scan")[0]
    return viewer.add_image(array, **options)


def told_at(viewer, position):
    viewer.dims.point = tuple(position)
    viewer.cursor.position = tuple(position)
    viewer.update_status_from_cursor()
    return viewer.status["coordinates"]


def test_a_point_is_written_with_the_side_it_lies_on():
    assert patient_words((12.04, -3.5, 40.0)) == "R 12.0  P 3.5  S 40.0 mm"
    assert patient_words((-12.0, 3.5, -40.0)) == "L 12.0  A 3.5  I 40.0 mm"


def test_the_status_line_tells_patient_coordinates_and_hounsfield_units(viewer):
    volume = marker_scan((2, 0, 1), (True, False, True))
    add_scan(viewer, volume)
    index = np.array([3, 4, 5])
    r, a, s = volume.geometry.to_world(index)

    told = told_at(viewer, (s, a, r))

    assert told == f"{patient_words((r, a, s))}  {volume.array[0, 3, 4, 5]} HU"


def test_intensities_of_mr_have_no_unit(viewer):
    values = np.full((20, 24, 14), 7.25, np.float32)
    add_scan(viewer, scan_of(*in_voxel_order(values), channel="MR"))

    told = told_at(viewer, viewer.layers[0].extent.world.mean(axis=0))

    assert told.endswith(" mm  7.25")


def test_over_labels_the_scan_below_and_the_structure_are_told(viewer):
    layer = add_scan(viewer, marker_scan())
    array, options, _ = segmentation_layer(marker_labels(), "labels")
    viewer.add_labels(array, **options)
    position = layer.extent.world[1] - (8.0, 7.5, 8.0)

    told = told_at(viewer, position)

    assert " 400 HU " in told
    assert "structure: liver tumour" in told


def test_maps_laid_over_a_scan_are_told_of_where_they_are_selected(viewer):
    """So does the right button change the scan's window, until a map is selected."""
    layer = add_scan(viewer, marker_scan())
    values = np.full((1, *marker_scan().array.shape[1:]), 0.25, np.float16)
    maps = replace(marker_scan(), array=values, channels=("entropy",))
    for made in uncertainty_layers(maps, "labels"):
        viewer.add_layer(Layer.create(*made))
    array, options, _ = segmentation_layer(marker_labels(), "labels")
    viewer.add_labels(array, **options)
    position = layer.extent.world[1] - (8.0, 7.5, 8.0)

    assert " 400 HU " in told_at(viewer, position)
    assert scan_to_window(viewer) is layer

    viewer.layers.selection.active = viewer.layers[1]
    assert told_at(viewer, position).endswith(" 0.25")
    assert scan_to_window(viewer) is viewer.layers[1]


def test_of_an_oblique_scan_the_patients_own_coordinates_are_told(viewer):
    array, geometry = in_voxel_order(marker_image(), (1, 0, 2), (True, False, False))
    oblique = rotated(geometry, 17)
    layer = add_scan(viewer, scan_of(array, oblique))

    point = patient_point_ras_mm(layer, layer.translate)

    distances = np.linalg.norm(oblique.corners_ras_mm() - point, axis=1)
    assert_allclose(distances.min(), 0, atol=1e-6)


def test_in_3d_the_mouse_is_at_no_one_place(viewer):
    layer = add_scan(viewer, marker_scan())
    viewer.dims.ndisplay = 3

    assert " mm" not in told_at(viewer, layer.extent.world.mean(axis=0))


def test_where_no_scan_is_nothing_is_changed(viewer):
    viewer.add_image(np.zeros((5, 6, 7)), name="cells")

    assert told_at(viewer, (1.0, 2.0, 3.0)).lstrip().startswith("[1")
