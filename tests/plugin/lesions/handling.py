"""What a user does with the Lesions panel, and what is then to be seen in it."""

from dataclasses import replace

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QListWidget,
    QPushButton,
    QTableView,
)

import medseg
from napari_medseg.layers.conversion import segmentation_layer
from napari_medseg.layers.evidence import Evidence, VoxelConfidence, with_evidence
from napari_medseg.layers.scripts import ModelRun
from napari_medseg.lesions.choice import Splitting
from tests.plugin.widgets import part

STATUS = "Status of the lesions"


def add(viewer, segmentation, name="labels", origin=None):
    array, options, _ = segmentation_layer(segmentation, name, origin)
    return viewer.add_labels(array, **options)


def add_made(viewer, segmentation, name="labels", centres=None, sure=None):
    """A label map as a model's, with what the model said of lesions.

    Args:
        sure: Probability of its structure at every voxel, on the grid of the labels.
    """
    how = medseg.Provenance(
        case_id="c1",
        input_sha256="",
        model="some",
        model_sha256="0" * 64,
        versions=(),
        settings=(),
    )
    made = replace(segmentation, provenance=how)
    confidence = None
    if sure is not None:
        shares = medseg.Volume(
            array=np.stack([sure, sure]).astype(np.float16),
            geometry=segmentation.geometry,
            channels=segmentation.labels.names,
        )
        confidence = VoxelConfidence.of(made, shares)
    said = Evidence(
        run=ModelRun(lines=("scan = 0",)), centres=centres, confidence=confidence
    )
    array, options, _ = with_evidence(segmentation_layer(made, name), said)
    return viewer.add_labels(array, **options)


def press(qtbot, panel, name):
    """Press a button and wait for what it starts."""
    with qtbot.waitSignal(panel.background.finished, timeout=30_000):
        part(panel, name, QPushButton).click()


def separate_instances(qtbot, panel, splitting=Splitting.PIECES):
    choose(panel, "Method", splitting.value)
    press(qtbot, panel, "Separate lesions")


def choose(panel, name, text):
    box = part(panel, name, QComboBox)
    index = box.findText(text)
    assert index >= 0
    box.setCurrentIndex(index)
    box.activated.emit(index)


def fill_in(panel, name, value):
    part(panel, name, QDoubleSpinBox).setValue(value)


def tick(panel, name, state):
    counted = part(panel, "Structures counted", QListWidget)
    (item,) = counted.findItems(name, Qt.MatchFlag.MatchExactly)
    item.setCheckState(state)


def column(panel, header, table="Lesions"):
    model = part(panel, table, QTableView).model()
    across = Qt.Orientation.Horizontal
    headers = [model.headerData(n, across) for n in range(model.columnCount())]
    place = headers.index(header)
    return [model.index(row, place).data() for row in range(model.rowCount())]


def choose_row(panel, number, table="Lesions"):
    view = part(panel, table, QTableView)
    row = column(panel, view.model().headerData(0, Qt.Orientation.Horizontal), table)
    view.clicked.emit(view.model().index(row.index(number), 0))


def voxel_looked_at(viewer, layer):
    index = np.round((np.array(viewer.dims.point) - layer.translate) / layer.scale)
    return tuple(index.astype(int))


def paint(layer, label, place=(0, 0, 0)):
    layer.data_setitem(tuple(np.array([each]) for each in place), label)
