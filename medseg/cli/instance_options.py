"""Options that say what one lesion is, on the command line."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal, assert_never

from cyclopts import Parameter

import medseg
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_settings import InstanceRules, Shade, Split

Structures = Annotated[tuple[str, ...], Parameter(negative=())]


class SplitBy(StrEnum):
    """What is done with lesions that touch."""

    NOTHING = "nothing"
    DISTANCE = "distance"
    INTENSITY = "intensity"


@dataclass(frozen=True, kw_only=True)
class Separation:
    """What one lesion is."""

    split_by: SplitBy = field(
        default=SplitBy.NOTHING,
        metadata={
            "help": "Where lesions that touch are parted: nowhere, at their necks, or "
            "where the scan has a valley between them."
        },
    )
    connectivity: Literal[6, 18, 26] = field(
        default=26, metadata={"help": "Neighbours of a voxel that touch it."}
    )
    minimum_mm3: float = field(
        default=0.0, metadata={"help": "Smaller lesions become background."}
    )
    neck_mm: float = field(
        default=0.75,
        metadata={
            "help": "By distance: how much narrower (radius) a neck is than both sides."
        },
    )
    contrast: float = field(
        default=10.0,
        metadata={
            "help": "By intensity: how deep the valley is, in the scan's unit (HU)."
        },
    )
    sigma_mm: float = field(
        default=1.0, metadata={"help": "By intensity: smoothing of the scan before."}
    )
    shade: Shade = field(
        default=Shade.BRIGHT,
        metadata={"help": "By intensity: whether middles are bright or dark."},
    )

    @property
    def rules(self) -> InstanceRules:
        """The same as rules.

        Raises:
            WrongUse: INVALID_OPTION for a value out of its range.
        """
        return InstanceRules(
            connectivity=medseg.Connectivity(self.connectivity),
            minimum_mm3=self.minimum_mm3,
            split=self._split(),
        )

    def _split(self) -> Split:
        match self.split_by:
            case SplitBy.NOTHING:
                return medseg.Components()
            case SplitBy.DISTANCE:
                return medseg.DistanceWatershed(neck_mm=self.neck_mm)
            case SplitBy.INTENSITY:
                return medseg.IntensityWatershed(
                    contrast=self.contrast, sigma_mm=self.sigma_mm, shade=self.shade
                )
            case _:
                assert_never(self.split_by)


DEFAULT_SEPARATION = Separation()


def require_default(separation: Separation, why: str) -> None:
    """Refuse what is said of telling lesions apart where nothing is told apart.

    Args:
        separation: The options.
        why: They would do nothing.

    Raises:
        WrongUse: INVALID_OPTION.
    """
    if separation != DEFAULT_SEPARATION:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"this would do nothing: {why}",
            where="--split-by, --minimum-mm3 and the like",
            remedy="Leave them out; or give the plain label map, or --instances.",
        )
