"""Options that say what one lesion is, on the command line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Literal, assert_never

from cyclopts import Parameter

import medseg
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_settings import (
    DistanceWatershed,
    InstanceRules,
    Shade,
    Split,
)
from medseg.core.plan import Plan
from medseg.instances import has_learned_centres, require_separable

Structures = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Which structures of a label map are counted."""

    structure: Structures = field(
        default=(),
        metadata={
            "help": "Structure to count; once for each. Default: all lesions by name "
            "or kind."
        },
    )
    merge: Structures = field(
        default=(),
        metadata={
            "help": "NAME=PART+PART: structures that are parts of one lesion, such as "
            "'glioma=edema+enhancing tumour'; once for each kind of lesion."
        },
    )

    def in_labels(self, segmentation: medseg.Segmentation) -> medseg.Segmentation:
        """The label map with these counted, and parts of lesions merged.

        Raises:
            WrongUse: INVALID_OPTION.
        """
        for name, parts in self._merged():
            segmentation = medseg.merged_structures(segmentation, name, parts)
        return medseg.counted(segmentation, self.structure)

    @property
    def named(self) -> tuple[str, ...]:
        """All structures that a label map is to hold, before parts are merged.

        Raises:
            WrongUse: INVALID_OPTION.
        """
        merged = dict(self._merged())
        parts = [part for each in merged.values() for part in each]
        others = [name for name in self.structure if name not in merged]
        return tuple(dict.fromkeys([*parts, *others]))

    def _merged(self) -> Iterator[tuple[str, list[str]]]:
        """What lesions of several structures are called, and their parts."""
        for text in self.merge:
            name, _, named = text.partition("=")
            parts = [part.strip() for part in named.split("+")]
            if not name.strip() or not all(parts):
                raise WrongUse(
                    ErrorCode.INVALID_OPTION,
                    f"{text!r} is not of the form NAME=PART+PART",
                    where="--merge",
                    remedy="Name what the lesion is called, and the structures that "
                    "it is made of.",
                )
            yield name.strip(), parts


class SplitBy(StrEnum):
    """What is done with lesions that touch."""

    NOTHING = "nothing"
    DISTANCE = "distance"
    INTENSITY = "intensity"
    LEARNED = "learned"


@dataclass(frozen=True, kw_only=True)
class Separation:
    """What one lesion is."""

    split_by: SplitBy | None = field(
        default=None,
        metadata={
            "help": "How to split touching lesions: nothing keeps them whole, distance "
            "splits at necks, intensity at valleys of the scan, learned at the centres "
            "that the model predicts while it segments. Default: learned where a model "
            "segments that can, else nothing."
        },
    )
    connectivity: Literal[6, 18, 26] = field(
        default=26, metadata={"help": "Neighbours that belong to the same lesion."}
    )
    minimum_mm3: float = field(
        default=0.0,
        metadata={"help": "Smallest lesion in mm3; smaller ones become background."},
    )
    neck_mm: float = field(
        default=DistanceWatershed().neck_mm,
        metadata={
            "help": "distance: least difference of radius between neck and sides."
        },
    )
    contrast: float = field(
        default=10.0,
        metadata={
            "help": "intensity: depth of the valley, in the scan's unit (HU for a CT)."
        },
    )
    sigma_mm: float = field(
        default=1.0, metadata={"help": "intensity: smoothing of the scan first, in mm."}
    )
    shade: Shade = field(
        default=Shade.BRIGHT,
        metadata={
            "help": "intensity: whether the middles of lesions are bright or dark."
        },
    )
    least_heat: float = field(
        default=0.2,
        metadata={"help": "learned: least confidence of a centre, 0 to 1."},
    )
    apart_mm: float | None = field(
        default=None,
        metadata={
            "help": "learned: smallest distance of two centres. Default: 1.5 voxels of "
            "the model's grid."
        },
    )

    @property
    def rules(self) -> InstanceRules:
        """The same as rules.

        Raises:
            WrongUse: INVALID_OPTION for a value out of its range, or one that belongs
                to another way of splitting lesions than the one chosen.
        """
        self._require_used()
        return InstanceRules(
            connectivity=medseg.Connectivity(self.connectivity),
            minimum_mm3=self.minimum_mm3,
            split=self._split(),
        )

    def rules_of(self, plans: Sequence[Plan]) -> InstanceRules:
        """The same as rules for what some models find together.

        Args:
            plans: Of the models; the way one has learned is taken where it is alone.

        Raises:
            WrongUse: INVALID_OPTION for a value out of its range, for models that find
                no lesions, and for the learned way of models that have none.
        """
        if self.split_by is None and has_learned_centres(plans):
            rules = replace(self, split_by=SplitBy.LEARNED).rules
        else:
            rules = self.rules
        require_separable(rules, plans)
        return rules

    def _require_used(self) -> None:
        """Refuse a setting that does nothing in the way that is chosen."""
        for way, names in _OF_WAY.items():
            for name in names if way is not self.split_by else ():
                if getattr(self, name) != getattr(DEFAULT_SEPARATION, name):
                    raise WrongUse(
                        ErrorCode.INVALID_OPTION,
                        f"it does something only with --split-by {way}",
                        where=f"--{name.replace('_', '-')}",
                        remedy=f"Leave it out, or give --split-by {way}.",
                    )

    def _split(self) -> Split:
        match self.split_by:
            case None | SplitBy.NOTHING:
                return medseg.Components()
            case SplitBy.LEARNED:
                return medseg.LearnedCentres(
                    least_heat=self.least_heat, apart_mm=self.apart_mm
                )
            case SplitBy.DISTANCE:
                return DistanceWatershed(neck_mm=self.neck_mm)
            case SplitBy.INTENSITY:
                return medseg.IntensityWatershed(
                    contrast=self.contrast, sigma_mm=self.sigma_mm, shade=self.shade
                )
            case _:
                assert_never(self.split_by)


DEFAULT_COUNTED = Counted()
DEFAULT_SEPARATION = Separation()
_OF_WAY = {
    SplitBy.DISTANCE: ("neck_mm",),
    SplitBy.INTENSITY: ("contrast", "sigma_mm", "shade"),
    SplitBy.LEARNED: ("least_heat", "apart_mm"),
}


def require_instances(separation: Separation, *, instances: bool) -> None:
    """Refuse what is said of telling lesions apart where --instances is left out.

    Raises:
        WrongUse: INVALID_OPTION.
    """
    if not instances:
        require_default(separation, "lesions are told apart with --instances only")


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
