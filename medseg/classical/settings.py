"""What the user decides for each method; the texts become help and tooltips.

Intensities are in the scan's own unit, Hounsfield units for a CT; lengths are in mm.
"""

import math
from dataclasses import dataclass, field, fields
from typing import Any

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_settings import DistanceWatershed

INTENSITY = "intensity"
MM = "mm"
PER_MM = "intensity/mm"


def _option(
    default: Any,
    help_: str,
    *,
    unit: str = "",
    low: float | int = 0,
    high: float | int = 1e6,
) -> Any:
    """A field with its help, its unit and the range it must lie in."""
    bounds = (-math.inf, math.inf) if unit == INTENSITY else (low, high)
    metadata = {"help": help_, "unit": unit, "low": bounds[0], "high": bounds[1]}
    return field(default=default, metadata=metadata)


class _Checked:
    """Refuses a value outside the range its field gives."""

    def __post_init__(self) -> None:
        for option in fields(self):  # type: ignore[arg-type]  # of dataclasses only
            value = getattr(self, option.name)
            low, high = option.metadata["low"], option.metadata["high"]
            if value is not None and not low <= value <= high:
                raise WrongUse(
                    ErrorCode.INVALID_OPTION,
                    f"it is a number from {low:g} to {high:g}, got {value:g}",
                    where=f"--{option.name.replace('_', '-')}",
                    remedy="Leave it out to get the default.",
                )


@dataclass(frozen=True, kw_only=True)
class OtsuSettings(_Checked):
    """Thresholds between the peaks of the histogram."""

    classes: int = _option(
        2, "Classes of intensity to tell apart, the darkest included.", low=2, high=8
    )


@dataclass(frozen=True, kw_only=True)
class ThresholdSettings(_Checked):
    """A range of intensities, both ends included."""

    lower: float | None = _option(
        None, "Lowest intensity inside (HU for a CT).", unit=INTENSITY
    )
    upper: float | None = _option(
        None, "Highest intensity inside (HU for a CT).", unit=INTENSITY
    )


@dataclass(frozen=True, kw_only=True)
class HysteresisSettings(_Checked):
    """A wide range that counts where it is connected to a narrow one."""

    strong: float = _option(
        0.0, "Voxels at least as bright are inside (HU for a CT).", unit=INTENSITY
    )
    weak: float = _option(
        -100.0,
        "Voxels at least as bright are inside if they connect to strong ones.",
        unit=INTENSITY,
    )


@dataclass(frozen=True, kw_only=True)
class GrowSettings(_Checked):
    """The range a region grows in from its seeds, both ends included."""

    lower: float | None = _option(
        None, "Lowest intensity to grow into (HU for a CT).", unit=INTENSITY
    )
    upper: float | None = _option(
        None, "Highest intensity to grow into (HU for a CT).", unit=INTENSITY
    )


@dataclass(frozen=True, kw_only=True)
class ConfidenceSettings(_Checked):
    """A range of intensities learned from the region itself."""

    deviations: float = _option(
        2.5, "Range about the mean, in standard deviations.", low=0.1, high=20
    )
    iterations: int = _option(4, "Repetitions of mean and deviation.", low=0, high=100)
    radius_mm: float = _option(
        2.0, "Half the edge of the first box round each seed.", unit=MM, high=100
    )


@dataclass(frozen=True, kw_only=True)
class WatershedSettings(_Checked):
    """Basins of the gradient."""

    level: float = _option(
        10.0,
        "Basins shallower than this, in intensity per mm, are joined.",
        unit=PER_MM,
        high=1e6,
    )
    sigma_mm: float = _option(
        1.5, "Smoothing of the gradient.", unit=MM, low=0.01, high=50
    )


@dataclass(frozen=True, kw_only=True)
class MarkerSettings(_Checked):
    """Basins of the gradient round given markers."""

    sigma_mm: float = _option(
        1.0, "Smoothing of the gradient.", unit=MM, low=0.01, high=50
    )


@dataclass(frozen=True, kw_only=True)
class CannySettings(_Checked):
    """Thin edges (Canny, 1986)."""

    sigma_mm: float = _option(
        1.5, "Smoothing before edges are searched.", unit=MM, low=0.01, high=50
    )
    strong: float = _option(
        30.0, "Steepness in intensity per mm that makes an edge.", unit=PER_MM
    )
    weak: float = _option(
        10.0,
        "Steepness in intensity per mm that continues an edge.",
        unit=PER_MM,
    )


@dataclass(frozen=True, kw_only=True)
class GradientSettings(_Checked):
    """Where the scan is steep."""

    sigma_mm: float = _option(
        1.5, "Smoothing before the gradient.", unit=MM, low=0.01, high=50
    )
    steepness: float = _option(
        20.0, "Least steepness in intensity per mm.", unit=PER_MM
    )


@dataclass(frozen=True, kw_only=True)
class ContourSettings(_Checked):
    """A surface that moves until it lies on edges (Caselles et al., 1997)."""

    steepness: float = _option(
        10.0,
        "Steepness in intensity per mm at which the surface moves at half speed.",
        unit=PER_MM,
        low=1e-6,
    )
    sigma_mm: float = _option(
        1.0, "Smoothing before edges are searched.", unit=MM, low=0.01, high=50
    )
    balloon: float = _option(
        0.0, "Outward push; less than 0 pulls inward.", low=-10, high=10
    )
    smoothness: float = _option(0.5, "How hard bends are straightened.", high=10)
    attraction: float = _option(3.0, "How hard edges pull.", high=10)
    iterations: int = _option(100, "Most steps.", low=1, high=2000)


@dataclass(frozen=True, kw_only=True)
class ClusterSettings(_Checked):
    """Classes of intensity found in the data, the darkest first."""

    classes: int = _option(3, "Classes to tell apart.", low=2, high=16)
    supervoxel_mm: float = _option(
        0.0,
        "Edge of supervoxels that get one class each; 0 classifies every voxel.",
        unit=MM,
        high=100,
    )


@dataclass(frozen=True, kw_only=True)
class SupervoxelSettings(_Checked):
    """Pieces of like size and intensity (SLIC; Achanta et al., 2012)."""

    edge_mm: float = _option(20.0, "Edge of a piece.", unit=MM, low=0.5, high=200)
    compactness: float = _option(
        20.0, "Intensity that weighs as much as the edge of a piece.", low=1e-6
    )


@dataclass(frozen=True, kw_only=True)
class BodySettings(_Checked):
    """The patient in a CT, without the table."""

    lower_hu: float = _option(
        -300.0, "Darkest skin, in HU.", unit="HU", low=-1024, high=3000
    )
    opening_mm: float = _option(
        6.0, "Thickness of parts to cut off, such as a table top.", unit=MM, high=50
    )


@dataclass(frozen=True, kw_only=True)
class LungSettings(_Checked):
    """The lungs in a CT, their vessels included."""

    upper_hu: float = _option(
        -400.0, "Brightest air, in HU.", unit="HU", low=-1024, high=3000
    )
    closing_mm: float = _option(6.0, "Radius of vessels to include.", unit=MM, high=50)
    smallest_ml: float = _option(
        50.0, "Smallest lung; smaller air is gas in the gut.", unit="ml", high=10_000
    )


@dataclass(frozen=True, kw_only=True)
class SmoothSettings(_Checked):
    """A smoother surface of about the same volume."""

    sigma_mm: float = _option(
        2.0, "Standard deviation of the smoothing.", unit=MM, low=0.01, high=50
    )


@dataclass(frozen=True, kw_only=True)
class HolesSettings(_Checked):
    """Background shut in by a structure."""

    by_slice: bool = _option(
        False,  # noqa: FBT003 - the default of the field
        "Also fill background enclosed within an axial slice.",
    )


@dataclass(frozen=True, kw_only=True)
class LargestSettings(_Checked):
    """Connected pieces, the largest first."""

    pieces: int = _option(1, "Pieces to keep.", low=1, high=1000)


@dataclass(frozen=True, kw_only=True)
class SplitSettings(_Checked):
    """Where touching blobs are told apart: at their necks."""

    neck_mm: float = _option(
        DistanceWatershed().neck_mm,
        "Least difference of radius between a neck and both blobs.",
        unit=MM,
        low=0.01,
        high=100,
    )
