"""The part of a label map that is corrected, and what lies there."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes

import medseg
from napari_medseg.layers.conversion import placement_of, record_of
from napari_medseg.layers.naming import with_every_label
from napari_medseg.layers.placement import Placement
from napari_medseg.layers.regions import box_of

Slices = tuple[slice, slice, slice]
Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Place:
    """The part of a label map that is worked on, in the axes it is shown with.

    Attributes:
        layer: The Labels layer.
        shown: The grid of the whole layer.
        slices: The box, as an index into the layer's array.
    """

    layer: Labels
    shown: medseg.Geometry
    slices: Slices

    @property
    def start(self) -> tuple[int, int, int]:
        """First voxel of the box."""
        i, j, k = (s.start for s in self.slices)
        return i, j, k

    @property
    def geometry(self) -> medseg.Geometry:
        """The grid of the box."""
        i, j, k = (s.stop - s.start for s in self.slices)
        return self.shown.cropped(self.start, (i, j, k))

    def scan(self, layer: Image) -> medseg.Volume:
        """The box of a scan that has the same voxels, and its modality if known."""
        record = record_of(layer)
        channel = "image" if record is None else record.channel
        array = np.asarray(layer.data[self.slices])[np.newaxis]
        return medseg.Volume(array=array, geometry=self.geometry, channels=(channel,))

    def labels(self, names: medseg.LabelSet) -> medseg.Segmentation:
        """The box of the label map as it is now, a copy.

        Args:
            names: Of the structures; labels that it lacks get their number for a name.

        Raises:
            UnusableInput: NOT_A_LABEL_MAP, for numbers that no label can have.
        """
        array = np.array(self.layer.data[self.slices])
        labels = with_every_label(names, array, self.layer.name)
        return medseg.Segmentation(array=array, geometry=self.geometry, labels=labels)

    def to_patient(self, points_sar_mm: Iterable[Point]) -> tuple[Point, ...]:
        """Points as shown -> points in the patient (R, A, S), for oblique scans too."""
        points = np.reshape([*points_sar_mm], (-1, 3))
        indices = (points - self.layer.translate) / self.layer.scale
        return tuple((r, a, s) for r, a, s in self.shown.to_world(indices).tolist())


def place_of(layer: Labels, box: Shapes | None, neighbours: Iterable[Layer]) -> Place:
    """Where to work: in a box, or everywhere.

    Raises:
        UnusableInput: MISSING_GEOMETRY, for a layer with no place in the patient.
        WrongUse: INVALID_OPTION, for a box that is empty or beside the labels.
    """
    placement = placement_of(layer, neighbours)
    shown = placement.shown
    if box is None:
        i, j, k = (slice(0, size) for size in layer.data.shape)
        return Place(layer=layer, shown=shown, slices=(i, j, k))
    # A grid that is shown as it is stored needs no turning.
    upright = Placement.of(shown)
    return Place(layer=layer, shown=shown, slices=box_of(box, upright).slices)


def require_same_voxels(scan: Image, labels: Labels) -> None:
    """Refuse a scan that does not lie where the labels lie.

    Raises:
        UnusableInput: GRID_MISMATCH; MISSING_GEOMETRY for a scan without a place.
    """
    where = labels.data.shape, labels.scale, labels.translate
    if not placement_of(scan).is_shown_at(*where):
        raise medseg.UnusableInput(
            medseg.ErrorCode.GRID_MISMATCH,
            "scan and labels have different voxels",
            where=scan.name,
            remedy="Choose the scan that the labels were made for.",
        )
