"""How the pieces of a thing are told apart, and how they are followed in time."""

import math
from dataclasses import dataclass, field, fields
from enum import StrEnum

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.lesions import Connectivity


class Shade(StrEnum):
    """How lesions look against what lies between them."""

    BRIGHT = "bright"
    DARK = "dark"


@dataclass(frozen=True, kw_only=True)
class Components:
    """Voxels that touch are of one lesion."""

    def __str__(self) -> str:
        return "connected pieces"


@dataclass(frozen=True, kw_only=True)
class DistanceWatershed:
    """Lesions that touch are split at their necks.

    Attributes:
        neck_mm: How much narrower (radius) a neck is than both lesions, at the least:
            the h of the h-maxima of the distance from the surface.

    Raises:
        WrongUse: INVALID_OPTION for a neck of no depth.
    """

    neck_mm: float = 0.75

    def __post_init__(self) -> None:
        _require_positive(self.neck_mm, "a neck", "mm", "--neck-mm")

    def __str__(self) -> str:
        return f"split at necks of {self.neck_mm:g} mm"


@dataclass(frozen=True, kw_only=True)
class IntensityWatershed:
    """Lesions that touch are split where the scan has a valley between them.

    Attributes:
        contrast: How far the valley lies below (or, between dark lesions, above) both
            peaks, at the least, in the scan's own unit (HU for a CT).
        sigma_mm: Standard deviation of the Gaussian that takes the noise away first.
        shade: Whether the middles of lesions are bright or dark.

    Raises:
        WrongUse: INVALID_OPTION for a contrast or a smoothing of 0 or less.
    """

    contrast: float = 10.0
    sigma_mm: float = 1.0
    shade: Shade = Shade.BRIGHT

    def __post_init__(self) -> None:
        _require_positive(self.contrast, "a contrast", "", "--contrast")
        _require_positive(self.sigma_mm, "a smoothing", "mm", "--sigma-mm")

    def __str__(self) -> str:
        return (
            f"{self.shade} ones split where the scan, smoothed by {self.sigma_mm:g} "
            f"mm, changes by {self.contrast:g}"
        )


@dataclass(frozen=True, kw_only=True)
class LearnedCentres:
    """Lesions that touch are split as a model with an instance head has learned.

    Attributes:
        least_heat: Of the heat-map at a centre, which is 1 at one that is sure.
        apart_mm: How near two centres may be; None for the sigma of the Gaussians that
            the model learned, 1.5 of its voxels.

    Raises:
        WrongUse: INVALID_OPTION for a value out of its range.
    """

    least_heat: float = 0.2
    apart_mm: float | None = None

    def __post_init__(self) -> None:
        _require_positive(self.least_heat, "a heat", "", "--least-heat")
        if self.apart_mm is not None:
            _require_positive(self.apart_mm, "a distance", "mm", "--apart-mm")

    def __str__(self) -> str:
        return "split at the centres that the model sees"


Split = Components | DistanceWatershed | IntensityWatershed | LearnedCentres
"""What is done with lesions that touch."""


@dataclass(frozen=True, kw_only=True)
class InstanceRules:
    """How the pieces of a thing are told apart.

    Attributes:
        connectivity: Which neighbours are of one piece.
        minimum_mm3: Smaller pieces become background; what a watershed parts off that
            is smaller stays with the piece it touches most.
        split: What is done with pieces that touch.

    Raises:
        WrongUse: INVALID_OPTION for a volume below 0.
    """

    connectivity: Connectivity = Connectivity.CORNERS
    minimum_mm3: float = 0.0
    split: Split = field(default_factory=Components)

    def __post_init__(self) -> None:
        _require_range(self.minimum_mm3, math.inf, "a volume", "mm3", "--minimum-mm3")

    @property
    def needs_centres(self) -> bool:
        """Whether a model has to say where it sees centres."""
        return isinstance(self.split, LearnedCentres)

    @property
    def listed(self) -> dict[str, str]:
        """Name and value of all that decides about lesions."""
        own = {
            each.name: _told(getattr(self.split, each.name))
            for each in fields(self.split)
        }
        return {
            "split": type(self.split).__name__,
            **own,
            "connectivity": str(self.connectivity),
            "minimum_mm3": _told(self.minimum_mm3),
        }


def _told(value: object) -> str:
    """A setting in words; 50 and 50.0 are one."""
    return str(float(value) if isinstance(value, int | float) else value)


@dataclass(frozen=True, kw_only=True)
class FollowUpRules:
    """Which lesion of a later scan is one of the baseline scan.

    Attributes:
        minimum_overlap: Shared volume over that of the smaller of the two, above which
            both are one lesion; 0 asks for a shared voxel only.
        most_apart_mm: Lesions that overlap no other are one where their centres lie no
            farther apart than this.

    Raises:
        WrongUse: INVALID_OPTION for a value out of its range.
    """

    minimum_overlap: float = field(
        default=0.1,
        metadata={
            "help": "Overlap above which two lesions match, as share of the smaller."
        },
    )
    most_apart_mm: float = field(
        default=10.0,
        metadata={
            "help": "Distance of centres up to which lesions without overlap match."
        },
    )

    def __post_init__(self) -> None:
        _require_range(self.minimum_overlap, 1.0, "an overlap", "", "--minimum-overlap")
        _require_range(
            self.most_apart_mm, math.inf, "a distance", "mm", "--most-apart-mm"
        )


def _require_positive(value: float, what: str, unit: str, where: str) -> None:
    if not 0 < value < math.inf:
        raise _wrong(f"{what} is above 0 {unit}".rstrip() + f", got {value:g}", where)


def _require_range(
    value: float, below: float, what: str, unit: str, where: str
) -> None:
    if not 0 <= value < below:
        upper = "" if below == math.inf else f" and below {below:g}"
        raise _wrong(
            f"{what} is 0 {unit}".rstrip() + f" or more{upper}, got {value:g}", where
        )


def _wrong(what: str, where: str) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        what,
        where=where,
        remedy="Leave it out to get the default.",
    )
