import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose

from napari_medseg.layers.conversion import Origin
from napari_medseg.review.cohort import Measure
from napari_medseg.review.finding import read_cohort
from napari_medseg.review.folders import discover
from napari_medseg.review.layers import CaseLayers
from napari_medseg.review.loading import load_case
from napari_medseg.session.layers import taken_layers
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.grid import grid_of
from tests.plugin.cohorts import write_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return read_cohort(discover(write_cohort(tmp_path_factory.mktemp("cohort"))))


@pytest.fixture
def load(cohort):
    def load(number):
        return load_case(cohort, cohort.cases[number], Measure.DICE)

    return load


@pytest.fixture
def viewer():
    return ViewerModel()


def paint(layer):
    layer.data_setitem(tuple(np.array([[2], [3], [4]])), 2)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_a_case_is_shown_where_its_first_model_did_worst(viewer, load):
    layers = CaseLayers(viewer)
    loaded = load(1)

    layers.show(loaded, side_by_side=False)

    assert names(viewer) == ["c2", "good", "poor", "reference"]
    assert [layer.visible for layer in viewer.layers] == [True, True, False, True]
    assert viewer.layers["reference"].contour == 1
    assert_allclose(viewer.dims.point, loaded.place, atol=1e-6)


def test_the_reference_is_outlined_in_a_colour_of_no_structure(viewer, load):
    CaseLayers(viewer).show(load(0), side_by_side=True)

    references = [layer for layer in viewer.layers if "reference" in layer.name]
    assert len(references) == 2
    for reference in references:
        for label in np.unique(reference.data)[1:]:
            assert_allclose(reference.colormap.map(label), (1, 1, 1, 1))
        assert reference.colormap.map(0)[3] == 0
        assert reference.opacity == 1
    found = viewer.layers["good"]
    assert_allclose(found.colormap.map(1)[:3], np.array([230, 159, 0]) / 255)


def test_the_next_case_takes_the_place_of_the_one_before(viewer, load):
    viewer.add_points(np.zeros((1, 3)), name="mine")
    layers = CaseLayers(viewer)
    layers.show(load(0), side_by_side=False)

    layers.show(load(1), side_by_side=False)

    assert names(viewer) == ["c2", "good", "poor", "reference", "mine"]


def test_edited_labels_are_never_removed(viewer, load):
    layers = CaseLayers(viewer)
    layers.show(load(0), side_by_side=False)
    edited = viewer.layers["good"]
    paint(edited)

    assert layers.remove() is None

    assert names(viewer) == ["c1 good (edited)"]
    assert edited.data[2, 3, 4] == 2
    assert not edited.visible


def test_a_case_that_was_only_looked_at_can_be_shown_again(viewer, load):
    layers = CaseLayers(viewer)
    loaded = load(0)
    layers.show(loaded, side_by_side=False)

    assert layers.remove() is loaded
    assert names(viewer) == []


def test_pictures_side_by_side_are_seen_whole(viewer, load):
    layers = CaseLayers(viewer)
    layers.show(load(0), side_by_side=False)
    alone = camera_of(viewer).zoom

    layers.lay_out(side_by_side=True)
    beside = camera_of(viewer).zoom
    layers.lay_out(side_by_side=False)

    assert beside < alone  # half the width
    assert camera_of(viewer).zoom == alone


def test_side_by_side_each_model_has_its_own_picture(viewer, load):
    layers = CaseLayers(viewer)
    layers.show(load(0), side_by_side=False)

    layers.lay_out(side_by_side=True)

    grid = grid_of(viewer)
    column = {
        layer.name: index // grid.stride for index, layer in enumerate(viewer.layers)
    }
    assert grid.enabled
    assert grid.shape == (1, 2)
    assert column["good"] == column["c1"] == column["reference"] == 0
    assert column["poor"] == 1
    assert sum(column.values()) == 3
    assert viewer.layers["poor"].visible
    assert [layer.contour for layer in viewer.layers if "ref" in layer.name] == [1, 1]


def test_both_pictures_have_the_same_window(viewer, load):
    layers = CaseLayers(viewer)
    layers.show(load(0), side_by_side=True)
    left, right = (layer for layer in viewer.layers if layer.name.startswith("c1"))

    right.contrast_limits = (-50, 150)

    assert left.contrast_limits == [-50, 150]


def test_one_picture_comes_back_with_what_was_drawn(viewer, load):
    layers = CaseLayers(viewer)
    layers.show(load(0), side_by_side=True)
    paint(viewer.layers["poor"])

    layers.lay_out(side_by_side=False)

    assert names(viewer) == ["c1", "good", "poor", "reference"]
    assert viewer.layers["poor"].data[2, 3, 4] == 2
    assert not grid_of(viewer).enabled


def test_the_window_that_was_set_stays_from_case_to_case(viewer, load):
    layers = CaseLayers(viewer)
    layers.show(load(0), side_by_side=False)
    viewer.layers["c1"].contrast_limits = (-20, 80)

    layers.show(load(1), side_by_side=False)

    assert viewer.layers["c2"].contrast_limits == [-20, 80]


def test_layers_the_user_deleted_do_no_harm(viewer, load):
    layers = CaseLayers(viewer)
    layers.show(load(0), side_by_side=True)
    viewer.layers.clear()

    layers.show(load(1), side_by_side=False)

    assert names(viewer) == ["c2", "good", "poor", "reference"]


def test_a_panel_that_closes_leaves_the_case_in_one_picture(viewer, load):
    layers = CaseLayers(viewer)
    layers.show(load(0), side_by_side=True)
    model = viewer.layers["good"]

    layers.let_go()

    assert names(viewer) == ["c1", "good", "poor", "reference"]
    assert not grid_of(viewer).enabled
    paint(model)
    layers.show(load(1), side_by_side=False)
    assert model in viewer.layers


def test_a_session_keeps_each_layer_of_a_case_once_and_the_path_of_its_scan(
    viewer, load, cohort
):
    CaseLayers(viewer).show(load(0), side_by_side=True)

    taken, left_out = taken_layers(viewer)

    assert sorted(layer.name for layer in taken) == ["c1", "good", "poor", "reference"]
    assert left_out == []
    scan = next(layer for layer in taken if layer.name == "c1")
    assert scan.record.origin == Origin(path=cohort.cases[0].images[0])
