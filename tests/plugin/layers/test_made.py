from dataclasses import replace

import numpy as np
from napari.layers import Layer

import medseg
from napari_medseg.layers.conversion import segmentation_layer, segmentation_of
from tests.plugin.scans import marker_labels

MADE = medseg.Provenance(
    case_id="c1",
    input_sha256="0" * 64,
    model="m",
    model_sha256="",
    versions=(("medseg", "1"),),
    settings=(),
)


def result(made=MADE):
    labels = replace(marker_labels((2, 0, 1), (True, False, False)), provenance=made)
    return Layer.create(*segmentation_layer(labels, "result"))


def notes(layer):
    made = segmentation_of(layer).provenance
    return None if made is None else made.notes


def test_labels_painted_on_are_no_longer_said_to_be_all_the_models():
    layer = result()
    layer.data_setitem((np.array([3]), np.array([4]), np.array([5])), 0)

    assert notes(layer) == ("edited by hand after it was made",)
    made = segmentation_of(layer).provenance
    assert made is not None
    assert made.is_interactive


def test_nothing_is_noted_of_labels_nobody_touched():
    layer = result()
    layer.data = layer.data.astype(np.int64)

    assert notes(layer) == ()


def test_an_edit_is_noted_once():
    layer = result()
    layer.data[0, 0, 0] = 1
    again = Layer.create(*segmentation_layer(segmentation_of(layer), "reopened"))
    again.data[0, 0, 1] = 1

    assert notes(again) == ("edited by hand after it was made",)


def test_what_nobody_made_has_no_provenance_when_it_is_edited():
    layer = result(made=None)
    layer.data[0, 0, 0] = 1

    assert notes(layer) is None
