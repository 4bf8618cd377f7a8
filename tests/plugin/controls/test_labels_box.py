"""Which Labels layer a panel begins with, and goes on with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

import medseg
from napari_medseg.controls.labels_box import LabelsBox
from napari_medseg.layers.conversion import (
    HELPER_KEY,
    Origin,
    segmentation_layer,
    volume_layers,
)
from tests.plugin.scans import marker_labels, marker_scan

pytestmark = pytest.mark.gui


def add_prediction(viewer, name="prediction"):
    made = medseg.Provenance(
        case_id="c1",
        input_sha256="",
        model="a model",
        model_sha256="",
        versions=(),
        settings=(),
    )
    labels = replace(marker_labels(), provenance=made)
    array, options, _ = segmentation_layer(labels, name)
    return viewer.add_labels(array, **options)


def add_reference(viewer, name="reference"):
    origin = Origin(path=Path(f"{name}.nii.gz"))
    array, options, _ = segmentation_layer(marker_labels(), name, origin)
    return viewer.add_labels(array, **options)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    array, options, _ = volume_layers(marker_scan(), "scan")[0]
    viewer.add_image(array, **options)
    return viewer


@pytest.fixture
def open_box(qtbot, viewer):
    boxes = []

    def box():
        boxes.append(LabelsBox(viewer.layers))
        qtbot.addWidget(boxes[-1])
        return boxes[-1]

    yield box
    for each in boxes:
        each.disconnect_layers()


def test_a_prediction_comes_before_a_reference_opened_after_it(viewer, open_box):
    add_prediction(viewer)
    add_reference(viewer)

    assert open_box().currentText() == "prediction"


def test_the_layer_that_the_user_has_selected_comes_first(viewer, open_box):
    reference = add_reference(viewer)
    add_prediction(viewer)
    viewer.layers.selection.active = reference

    assert open_box().currentText() == "reference"


def test_it_goes_along_with_the_selection(viewer, open_box):
    first, second = add_prediction(viewer, "first"), add_prediction(viewer, "second")
    box = open_box()

    for layer in (first, second, first):
        viewer.layers.selection.active = layer
        assert box.layer() is layer
    viewer.layers.selection.active = viewer.layers["scan"]
    assert box.layer() is first


def test_a_reference_that_is_opened_is_not_gone_along_with(viewer, open_box):
    add_prediction(viewer)
    box = open_box()

    reference = add_reference(viewer)

    assert viewer.layers.selection.active is reference
    assert box.currentText() == "prediction"
    add_prediction(viewer, "newer")
    assert box.currentText() == "newer"


def test_what_was_opened_can_be_selected_by_hand_after_all(viewer, open_box):
    prediction = add_prediction(viewer)
    box = open_box()
    reference = add_reference(viewer)

    for layer in (prediction, reference):
        viewer.layers.selection.active = layer
        assert box.layer() is layer


def test_a_panels_own_layer_changes_nothing(viewer, open_box):
    add_prediction(viewer)
    reference = add_reference(viewer)
    box = open_box()

    shape = viewer.layers["scan"].data.shape
    own = viewer.add_labels(np.zeros(shape, np.uint8), metadata={HELPER_KEY: True})
    assert viewer.layers.selection.active is own
    viewer.layers.selection.active = reference  # as it was before

    assert box.currentText() == "prediction"


def test_a_new_layer_to_draw_on_is_gone_along_with(viewer, open_box):
    add_prediction(viewer)
    box = open_box()

    viewer.add_labels(np.zeros(viewer.layers["scan"].data.shape, np.uint8), name="new")

    assert box.currentText() == "new"
