"""The layers a user chose for the Segment panel as a scan, and the box on it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from napari.layers import Image, Layer, Shapes

import medseg
from napari_medseg.layers.conversion import (
    is_placed,
    placement_of,
    record_of,
    volume_of,
)
from napari_medseg.layers.regions import Box, box_of, region_of
from napari_medseg.layers.scripts import origin_of
from napari_medseg.segment.script import ScriptedScan


@dataclass(frozen=True, eq=False, kw_only=True)
class ChosenScan:
    """Layers as they are at one moment; what takes long is done when it is asked for.

    Attributes:
        channels: The scan each channel of the model is taken from; one whatever its
            name where the model takes one.
        box: The part that is looked at; None for all of it.
    """

    channels: Mapping[str, medseg.Volume]
    box: Box | None = None

    def volume(self) -> medseg.Volume:
        """All channels as one scan.

        Raises:
            UnusableInput: GRID_MISMATCH.
        """
        volumes = tuple(self.channels.values())
        return volumes[0] if len(volumes) == 1 else medseg.stack_channels(self.channels)

    def region(self) -> medseg.Segmentation | None:
        """The label map of the box; None for all of the scan."""
        first = next(iter(self.channels.values()))
        return None if self.box is None else region_of(self.box, first.geometry)


def channels_of(
    layers: Sequence[Image], model: medseg.ModelInfo, neighbours: Iterable[Layer]
) -> dict[str, medseg.Volume]:
    """What some layers hold, one a channel of a model; quick, nothing is copied.

    Args:
        layers: In the order of the model's channels.
        model: Names the channels.
        neighbours: Layers of the same viewer.

    Raises:
        UnusableInput: MISSING_GEOMETRY.
    """
    known = tuple(neighbours)
    channels = model.plan.channels
    return {
        name: volume_of(layer, known)
        for name, layer in zip(channels, layers, strict=True)
    }


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


def scripted_scan(
    layers: Sequence[Image], model: medseg.ModelInfo, box: Box | None
) -> ScriptedScan:
    """Where the layers were read from, as far as it is known."""
    channels = model.plan.channels if len(layers) > 1 else ("",)
    origins = map(origin_of, layers)
    return ScriptedScan(origins=dict(zip(channels, origins, strict=True)), box=box)
