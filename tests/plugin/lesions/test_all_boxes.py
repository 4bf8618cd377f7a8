"""The boxes of all lesions, in the panel and from a file."""

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Shapes
from numpy.testing import assert_allclose
from qtpy.QtWidgets import QCheckBox
from scipy import ndimage

import medseg
from napari_medseg.lesions.all_boxes import BOXES_NAME
from napari_medseg.lesions.choice import Splitting
from tests.plugin.lesions.handling import add_made, separate_instances
from tests.plugin.lesions.scene import LPS, RAS, TURNED, lesion_labels
from tests.plugin.widgets import part

pytestmark = pytest.mark.gui
LESIONS = "lesions of labels"


def rectangles(layer, lesions):
    """Bounds of each shape by number, axis and slice: as shown, and by hand."""
    shown, wanted = {}, {}
    numbers = layer.features["number"]
    for number, corners in zip(numbers, layer.data, strict=True):
        low, high = corners.min(0), corners.max(0)
        (axis,) = np.flatnonzero(low == high)
        shown[number, axis, low[axis]] = (*low, *high)
    for number, place in enumerate(ndimage.find_objects(lesions.data), start=1):
        for along, across in enumerate(place):
            for n in range(across.start, across.stop):
                low = np.array([each.start - 0.5 for each in place])
                high = np.array([each.stop - 0.5 for each in place])
                low[along] = high[along] = n
                wanted[number, along, n] = (*low, *high)
    return shown, wanted


@pytest.mark.parametrize("order", [RAS, LPS, TURNED])
def test_every_lesion_has_a_box_in_each_slice_of_each_plane(qtbot, open_panel, order):
    viewer = ViewerModel()
    labels = lesion_labels(order)
    add_made(viewer, labels, sure=np.full(labels.array.shape, 0.75))
    active = viewer.layers.selection.active
    panel = open_panel(viewer)
    tick = part(panel, "All boxes", QCheckBox)
    separate_instances(qtbot, panel)
    assert BOXES_NAME not in viewer.layers

    tick.setChecked(True)

    layer, lesions = viewer.layers[BOXES_NAME], viewer.layers[LESIONS]
    shown, wanted = rectangles(layer, lesions)
    assert len(layer.data) == len(shown)
    assert shown == wanted
    assert_allclose(layer.scale, lesions.scale)
    assert_allclose(layer.translate, lesions.translate)
    assert set(layer.features["structure"]) == {"liver tumour"}
    assert set(layer.features["confidence"]) == {0.75}
    assert set(layer.text.values) == {"1 liver tumour 0.75", "2 liver tumour 0.75"}
    assert viewer.layers.selection.active is active
    colours = {number: lesions.colormap.map(number)[:3].tolist() for number in (1, 2)}
    for number, edge in zip(layer.features["number"], layer.edge_color, strict=True):
        assert_allclose(edge[:3], colours[number], atol=1e-6)


def test_the_boxes_are_those_of_the_lesions_and_go_with_the_panel(qtbot, open_panel):
    viewer = ViewerModel()
    add_made(viewer, lesion_labels(LPS))
    panel = open_panel(viewer)
    tick = part(panel, "All boxes", QCheckBox)
    tick.setChecked(True)
    assert BOXES_NAME not in viewer.layers
    separate_instances(qtbot, panel)
    assert set(viewer.layers[BOXES_NAME].text.values) == {
        *("1 liver tumour", "2 liver tumour")
    }

    separate_instances(qtbot, panel, Splitting.NECKS)
    assert set(viewer.layers[BOXES_NAME].features["number"]) == {1, 2, 3}
    viewer.dims.ndisplay = 3
    assert not viewer.layers[BOXES_NAME].visible
    viewer.dims.ndisplay = 2
    assert viewer.layers[BOXES_NAME].visible
    tick.setChecked(False)
    assert BOXES_NAME not in viewer.layers
    tick.setChecked(True)
    panel.end()
    assert BOXES_NAME not in viewer.layers


@pytest.mark.usefixtures("medseg_plugin")
def test_a_file_of_boxes_opens_where_its_lesions_lie(tmp_path):
    told = medseg.separate_instances(lesion_labels(TURNED))
    sure = tuple(
        replace(each, confidence=None if each.number == 1 else 0.5)
        for each in told.instances
    )
    path = tmp_path / "case.boxes.json"
    medseg.write_boxes(medseg.instance_boxes(replace(told, instances=sure)), path)

    (layer,) = ViewerModel().open(path, plugin="medseg")

    assert isinstance(layer, Shapes)
    assert layer.name == "boxes of case"
    confidence = dict(
        zip(layer.features["number"], layer.features["confidence"], strict=True)
    )
    assert np.isnan(confidence[1])
    assert confidence[2] == 0.5
    world = np.array([layer.data_to_world(each) for each in np.concatenate(layer.data)])
    number = np.repeat(layer.features["number"], 4)
    for each in sure:
        where = np.argwhere(told.instance_map == each.number)
        centres_sar = told.geometry.to_world(where.astype(float))[:, ::-1]
        half = np.array(layer.scale) / 2
        ours = world[number == each.number]
        assert_allclose(ours.min(0), centres_sar.min(0) - half, atol=1e-3)
        assert_allclose(ours.max(0), centres_sar.max(0) + half, atol=1e-3)


@pytest.mark.usefixtures("medseg_plugin")
def test_a_file_without_a_box_opens_as_an_empty_layer(tmp_path):
    empty = lesion_labels(RAS)
    empty = replace(empty, array=np.zeros_like(empty.array))
    path = tmp_path / "case.boxes.json"
    told = medseg.separate_instances(empty)
    medseg.write_boxes(medseg.instance_boxes(told), path)

    (layer,) = ViewerModel().open(path, plugin="medseg")

    assert isinstance(layer, Shapes)
    assert layer.nshapes == 0
