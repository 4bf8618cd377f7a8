"""How large each lesion is, what it looks like, and where it lies."""

from dataclasses import dataclass

import numpy as np

from medseg.core.box import Box
from medseg.core.labels import Structure

PointRas = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Caliper:
    """A straight line between two points of a lesion's outline.

    Attributes:
        start_ras_mm: One end.
        end_ras_mm: The other.
    """

    start_ras_mm: PointRas
    end_ras_mm: PointRas

    @property
    def length_mm(self) -> float:
        """Distance of the ends."""
        apart = np.subtract(self.end_ras_mm, self.start_ras_mm)
        return float(np.linalg.norm(apart))


@dataclass(frozen=True, kw_only=True)
class AxialDiameters:
    """The two diameters that RECIST 1.1 and the WHO measure, in one axial slice.

    Attributes:
        slice_index: Of the slice, along the voxel axis nearest to the patient's S.
        longest: The longest line of all axial slices.
        perpendicular: The longest at a right angle to it in the same slice.
    """

    slice_index: int
    longest: Caliper
    perpendicular: Caliper


@dataclass(frozen=True, kw_only=True)
class ChannelIntensity:
    """Intensities of a lesion in one channel, in the scan's own unit.

    Attributes:
        channel: Its name.
        mean: Over the lesion's voxels.
        minimum: The lowest.
        maximum: The highest.
    """

    channel: str
    mean: float
    minimum: float
    maximum: float


@dataclass(frozen=True, kw_only=True)
class InstanceMeasure:
    """Size, shape, looks and place of one lesion.

    Attributes:
        number: In the instance map.
        structure: What it is one of.
        confidence: 0 to 1; None where nothing tells.
        voxels: How many it has.
        volume_ml: Voxels times voxel volume.
        diameters: The two of its largest axial slice.
        sphericity: Surface of the ball of its volume over its own surface, 1 for a
            ball, less for all else.
        intensities: One a channel of the scan; none where no scan was given.
        centre_ras_mm: Centre of mass.
        organ: The structure that is no lesion and touches most of its surface; None
            where it touches none.
        box: The smallest box of voxels that holds it.
        tracking_uid: DICOM's name for this very lesion; None where it has none.
        tracking_id: What people call it; None where they gave it no name.
    """

    number: int
    structure: Structure
    confidence: float | None
    voxels: int
    volume_ml: float
    diameters: AxialDiameters
    sphericity: float
    intensities: tuple[ChannelIntensity, ...]
    centre_ras_mm: PointRas
    organ: Structure | None
    box: Box
    tracking_uid: str | None = None
    tracking_id: str | None = None

    @property
    def longest_axial_mm(self) -> float:
        """Longest axial diameter."""
        return self.diameters.longest.length_mm

    @property
    def perpendicular_mm(self) -> float:
        """Longest diameter at a right angle to it, in the same slice."""
        return self.diameters.perpendicular.length_mm
