"""The layers a user chose for the Segment panel as a scan, and the box on it."""

from collections.abc import Iterable, Sequence

from napari.layers import Image, Layer, Shapes

import medseg
from napari_medseg.layers.conversion import (
    is_placed,
    placement_of,
    record_of,
    volume_of,
)
from napari_medseg.layers.regions import Box, box_of, region_of
from napari_medseg.segment.script import ScriptedScan


def scan_of(
    layers: Sequence[Image], model: medseg.ModelInfo, neighbours: Iterable[Layer]
) -> medseg.Volume:
    """The scan that some layers are, one a channel of a model.

    Args:
        layers: In the order of the model's channels.
        model: Names the channels.
        neighbours: Layers of the same viewer.

    Raises:
        UnusableInput: MISSING_GEOMETRY or GRID_MISMATCH.
    """
    if len(layers) == 1:
        return volume_of(layers[0], neighbours)
    known = tuple(neighbours)
    channels = model.plan.channels
    return medseg.stack_channels(
        {
            name: volume_of(layer, known)
            for name, layer in zip(channels, layers, strict=True)
        }
    )


def misfits_of(
    layers: Sequence[Image], model: medseg.ModelInfo, neighbours: Iterable[Layer]
) -> tuple[medseg.Misfit, ...]:
    """What speaks against running a model on some layers, as far as names tell it."""
    if not layers or not all(is_placed(layer) for layer in layers):
        return ()
    if len(set(layers)) < len(layers):
        return (medseg.Misfit(text="One layer is chosen for two channels."),)
    geometry = placement_of(layers[0], neighbours).source
    if len(layers) > 1:
        return medseg.misfits(model.plan.channels, geometry, model)
    record = record_of(layers[0])
    channel = record.channel if record else "image"
    return medseg.misfits((channel,), geometry, model)


def box_on(layers: Sequence[Image], shapes: Shapes, neighbours: Iterable[Layer]) -> Box:
    """The voxels of a scan within some shapes.

    Raises:
        MedSegError: As `box_of` and `placement_of`.
    """
    return box_of(shapes, placement_of(layers[0], neighbours))


def region_on(volume: medseg.Volume, box: Box | None) -> medseg.Segmentation | None:
    """The label map of a box of a scan; None for the whole scan."""
    return None if box is None else region_of(box, volume.geometry)


def scripted_scan(
    layers: Sequence[Image], model: medseg.ModelInfo, box: Box | None
) -> ScriptedScan:
    """Where the layers were read from, as far as it is known."""
    channels = model.plan.channels if len(layers) > 1 else ("",)
    records = [record_of(layer) for layer in layers]
    origins = [record.origin if record else None for record in records]
    return ScriptedScan(origins=dict(zip(channels, origins, strict=True)), box=box)
