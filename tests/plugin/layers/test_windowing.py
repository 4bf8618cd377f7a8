import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose

from napari_medseg.layers.conversion import presets_for, volume_layers
from napari_medseg.layers.windowing import Window, presets_of
from napari_medseg.viewing.window_drag import scan_to_window, set_window
from tests.plugin.scans import in_voxel_order, marker_image, marker_scan, scan_of

HU = (-1000.0, 400.0)


def names(presets):
    return [preset.name for preset in presets]


def test_a_window_and_its_limits_are_the_same_thing():
    limits = (-135.0, 215.0)

    assert Window.of_limits(limits) == Window(width=350, level=40)
    assert Window(width=350, level=40).limits == limits


def test_a_ct_is_offered_the_windows_of_radiology():
    presets = presets_of(marker_image(), "CT", HU)

    assert names(presets)[:2] == ["Abdomen", "Liver"]
    assert {"Lung", "Bone", "Brain"} <= set(names(presets))
    assert presets[-1].window.limits == HU


def test_a_scan_without_a_modality_is_a_ct_if_it_holds_air():
    assert names(presets_of(marker_image(), "image", HU))[0] == "Abdomen"
    assert names(presets_of(marker_image(), "image", (0.0, 400.0)))[0] == "Usual"


@pytest.mark.parametrize(
    ("channel", "shares"), [("MR", (0.5, 99.5)), ("PT", (0, 99.5))]
)
def test_other_scans_are_windowed_by_shares_of_their_values(channel, shares):
    values = np.random.default_rng(0).normal(500, 50, (20, 24, 14))

    usual, *_, everything = presets_of(
        values, channel, (float(values.min()), float(values.max()))
    )

    assert_allclose(usual.window.limits, np.percentile(values, shares))
    assert_allclose(everything.window.limits, (values.min(), values.max()))


def test_a_drag_to_the_right_widens_and_one_down_brightens():
    window = Window(width=400, level=50)

    assert window.dragged(100, 0, span=2000) == Window(width=600, level=50)
    assert window.dragged(0, 100, span=2000) == Window(width=400, level=-150)


def test_a_window_never_closes():
    assert Window(width=10, level=0).dragged(-1000, 0, span=2000).width > 0


@pytest.fixture
def viewer():
    return ViewerModel()


def add_scan(viewer, volume, name="scan"):
    array, options, _ = volume_layers(volume, name)[0]
    return viewer.add_image(array, **options)


def test_the_presets_of_a_layer_are_those_of_its_modality(viewer):
    ct = add_scan(viewer, marker_scan())
    values = np.random.default_rng(0).normal(500, 50, (20, 24, 14))
    mr = add_scan(viewer, scan_of(*in_voxel_order(values), channel="MR"), "mr")

    assert names(presets_for(ct))[0] == "Abdomen"
    assert names(presets_for(mr))[0] == "Usual"


def test_a_window_beyond_the_slider_moves_its_ends(viewer):
    layer = add_scan(viewer, marker_scan())

    set_window(layer, Window(width=4000, level=0))

    assert layer.contrast_limits == [-2000, 2000]


def test_the_drag_is_for_the_selected_scan_else_for_the_topmost_one(viewer):
    first = add_scan(viewer, marker_scan(), "first")
    second = add_scan(viewer, marker_scan(), "second")
    labels = viewer.add_labels(np.zeros(first.data.shape, np.uint8))

    assert scan_to_window(viewer) is second
    viewer.layers.selection.active = first
    assert scan_to_window(viewer) is first
    viewer.layers.selection.active = labels
    labels.mode = "paint"
    assert scan_to_window(viewer) is None
