from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose

import medseg
from napari_medseg.layers.conversion import segmentation_layer, volume_layers
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.linked_view import LinkedView
from napari_medseg.viewing.orientation import ORIENTATION, Plane, orient
from tests.plugin.scans import marker_labels, marker_scan


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    orient(viewer)
    array, options, _ = volume_layers(marker_scan(), "scan")[0]
    viewer.add_image(array, **options)
    return viewer


def add_labels(viewer, name="labels"):
    array, options, _ = segmentation_layer(marker_labels(), name)
    return viewer.add_labels(array, **options)


def link(viewer, plane):
    return LinkedView(viewer, ViewerModel(), plane)


def names(linked):
    return [layer.name for layer in linked.model.layers if layer.name != "cross"]


def test_it_shows_the_same_voxels_in_another_plane(viewer):
    linked = link(viewer, Plane.CORONAL)

    assert np.shares_memory(linked.model.layers["scan"].data, viewer.layers[0].data)
    assert linked.model.dims.order == (1, 0, 2)
    assert camera_of(linked.model).orientation == ORIENTATION


def test_both_views_stay_on_one_point(viewer):
    linked = link(viewer, Plane.SAGITTAL)
    place = viewer.layers[0].extent.world[0] + (8.0, 6.0, 4.0)

    viewer.dims.point = place
    assert_allclose(linked.model.dims.point, place)
    linked.model.dims.point = place + np.array([4.0, 1.5, 2.0])

    assert_allclose(viewer.dims.point, place + np.array([4.0, 1.5, 2.0]))


def test_opening_it_moves_nothing_and_steps_alike(viewer):
    before = viewer.dims.point

    linked = link(viewer, Plane.CORONAL)

    assert viewer.dims.point == before
    assert linked.model.dims.nsteps == viewer.dims.nsteps


def test_layers_come_and_go_in_the_same_order(viewer):
    linked = link(viewer, Plane.CORONAL)
    labels = add_labels(viewer)

    assert names(linked) == ["scan", "labels"]
    viewer.layers.move(1, 0)
    assert names(linked) == ["labels", "scan"]
    viewer.layers.remove(labels)
    assert names(linked) == ["scan"]


def test_it_looks_as_the_first_viewer_does(viewer):
    linked = link(viewer, Plane.CORONAL)
    labels = add_labels(viewer)

    viewer.layers["scan"].contrast_limits = (-500, 100)
    labels.opacity, labels.visible = 0.25, False

    assert linked.model.layers["scan"].contrast_limits == [-500, 100]
    assert linked.model.layers["labels"].opacity == 0.25
    assert not linked.model.layers["labels"].visible


def test_what_is_painted_is_seen_in_both(viewer):
    labels = add_labels(viewer)
    linked = link(viewer, Plane.CORONAL)

    labels.data_setitem((np.array([3]), np.array([4]), np.array([5])), 2)
    assert linked.model.layers["labels"].data[3, 4, 5] == 2
    labels.data = np.full_like(labels.data, 1)

    assert linked.model.layers["labels"].data.min() == 1


def test_a_cross_marks_the_slices_of_the_other_planes(viewer):
    linked = link(viewer, Plane.CORONAL)
    place = viewer.layers[0].extent.world[0] + (8.0, 6.0, 4.0)

    viewer.dims.point = place

    cross = linked.model.layers["cross"]
    starts = [cross.data_to_world(line[0]) for line in cross.data]
    for start in starts:
        assert np.sum(np.isclose(start, place)) >= 2


def test_the_cross_stays_on_the_point_when_another_scan_is_the_first(viewer):
    linked = link(viewer, Plane.CORONAL)
    scan = marker_scan()
    half = np.diag([0.5, 0.5, 0.5, 1.0]) @ scan.geometry.affine
    fine = replace(scan, geometry=medseg.Geometry(scan.geometry.shape, half))
    array, options, _ = volume_layers(fine, "fine")[0]
    viewer.add_image(array, **options)

    viewer.layers.remove("scan")
    place = viewer.layers["fine"].extent.world[0] + (4.0, 3.0, 2.0)
    viewer.dims.point = place

    cross = linked.model.layers["cross"]
    for line in cross.data:
        start = cross.data_to_world(line[0])
        assert np.sum(np.isclose(start, place)) >= 2


def test_a_layer_of_the_users_may_have_the_name_of_the_cross(viewer):
    add_labels(viewer, "cross")

    linked = link(viewer, Plane.CORONAL)

    assert np.array_equal(linked.model.layers["cross"].data, viewer.layers[1].data)


def test_an_outline_is_an_outline_in_both(viewer):
    add_labels(viewer).contour = 2

    linked = link(viewer, Plane.CORONAL)

    assert linked.model.layers["labels"].contour == 2


def test_after_unlinking_neither_moves_the_other(viewer):
    linked = link(viewer, Plane.CORONAL)
    before = linked.model.dims.point

    linked.unlink()
    viewer.dims.point = viewer.layers[0].extent.world[0]
    add_labels(viewer)

    assert linked.model.dims.point == before
    assert names(linked) == []
