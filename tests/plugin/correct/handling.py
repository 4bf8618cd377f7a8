"""What a user does with the Correct panel, and the layers it is opened on."""

from dataclasses import replace

from napari.components import ViewerModel
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QPushButton

import medseg
from napari_medseg.correct.choice import Combine
from napari_medseg.layers.conversion import segmentation_layer, volume_layers
from napari_medseg.layers.structures import structures_of
from tests.plugin.scans import marker_labels
from tests.plugin.widgets import part

STATUS = "Status of the correction"
PREVIEW = "preview of the correction"


def made_by_a_model() -> medseg.Segmentation:
    made = medseg.Provenance(
        case_id="c1",
        input_sha256="",
        model="a model",
        model_sha256="",
        versions=(),
        settings=(),
    )
    return replace(marker_labels(), provenance=made)


def filled(scan: medseg.Volume, *maps: medseg.Segmentation) -> ViewerModel:
    viewer = ViewerModel()
    array, options, _ = volume_layers(scan, "scan")[0]
    viewer.add_image(array, **options)
    for labels in maps:
        array, options, _ = segmentation_layer(labels, "result")
        viewer.add_labels(array, **options)
    return viewer


def wait(qtbot, panel):
    """Until the panel has come to rest."""
    qtbot.waitUntil(lambda: panel.is_at_rest, timeout=30_000)


def choose(panel, name, text):
    part(panel, name, QComboBox).setCurrentText(text)


def fill_in(panel, **numbers):
    for name, value in numbers.items():
        part(panel, name.capitalize(), QDoubleSpinBox).setValue(value)


def click(qtbot, panel, name):
    part(panel, name, QPushButton).click()
    wait(qtbot, panel)


def names_of(layer):
    return structures_of(layer).names


def remove_the_marker(panel):
    """Take the bright marker (400 HU) from the structure chosen."""
    choose(panel, "Structure", "liver tumour")
    choose(panel, "Result", Combine.REMOVE)
    fill_in(panel, lower=300, upper=500)


def two_tumours(labels):
    """Let a layer hold two tumours that lie apart, and nothing else."""
    data = labels.data
    data[:] = 0
    data[2:5, 3:20, 3:17], data[8:12, 3:20, 3:17] = 2, 2
    labels.refresh()


def press(viewer, index, moved_px=0):
    """What napari tells its callbacks of a click on a voxel of the scan."""
    position = viewer.layers["scan"].data_to_world(index)
    for callback in viewer.mouse_drag_callbacks:
        event = Event(type="mouse_press", pos=(100, 100), position=position)
        steps = callback(viewer, event)
        if steps is None:
            continue
        next(steps, None)
        event.type, event.pos = "mouse_move", (100 + moved_px, 100)
        next(steps, None)
        event.type = "mouse_release"
        next(steps, None)


class Event:
    """The part of vispy's event that is looked at."""

    button = 1
    modifiers = ()

    def __init__(self, *, type: str, pos, position) -> None:  # noqa: A002
        self.type, self.pos, self.position = type, pos, position
