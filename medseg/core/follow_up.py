"""Lesions of a baseline scan and what became of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from medseg.core.instance_measure import InstanceMeasure


class Fate(StrEnum):
    """What became of a lesion."""

    PERSISTING = "persisting"
    NEW = "new"
    GONE = "gone"
    SPLIT = "split"
    MERGED = "merged"


class MatchedBy(StrEnum):
    """What tells that lesions of two scans are one."""

    TRACKING_UID = "tracking UID"
    OVERLAP = "overlap"
    DISTANCE = "distance"


@dataclass(frozen=True, kw_only=True)
class FollowedLesion:
    """One lesion in both scans, or in one of them.

    Attributes:
        structure: Name of what it is one of, in the baseline scan where it is there.
        fate: What became of it. Several lesions of the baseline that share lesions of
            the follow-up are merged, however many these are; parts with one tracking
            UID are merged only where there are fewer later.
        baseline: Its parts in the baseline scan: several where they merged.
        follow_up: Its parts in the follow-up scan: several where it split.
        centres_apart_mm: Distance of both centres of mass in the common frame; None
            where it is in one scan only.
        matched_by: What tells that it is one lesion; None where it is in one scan only.
    """

    structure: str
    fate: Fate
    baseline: tuple[InstanceMeasure, ...]
    follow_up: tuple[InstanceMeasure, ...]
    centres_apart_mm: float | None
    matched_by: MatchedBy | None

    @property
    def baseline_ml(self) -> float:
        """Volume of all its parts then."""
        return float(sum(each.volume_ml for each in self.baseline))

    @property
    def follow_up_ml(self) -> float:
        """Volume of all its parts later."""
        return float(sum(each.volume_ml for each in self.follow_up))

    @property
    def growth_ml(self) -> float:
        """Volume later less volume then."""
        return self.follow_up_ml - self.baseline_ml

    @property
    def growth_percent(self) -> float | None:
        """Growth in percent of the volume then; None for a new lesion."""
        if not self.baseline:
            return None
        return 100 * self.growth_ml / self.baseline_ml

    @property
    def baseline_longest_mm(self) -> float | None:
        """Longest axial diameters of its parts then, added; None for a new lesion."""
        return _longest_mm(self.baseline)

    @property
    def follow_up_longest_mm(self) -> float | None:
        """Longest axial diameters of its parts later, added; None where it is gone.

        So RECIST 1.1 (Eisenhauer et al., 2009) has it for lesions that fragment.
        """
        return _longest_mm(self.follow_up)

    @property
    def longest_change_mm(self) -> float | None:
        """Longest diameter later less that then; None unless it is in both scans."""
        then, later = self.baseline_longest_mm, self.follow_up_longest_mm
        return None if then is None or later is None else later - then


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """All lesions of two scans of one patient.

    Attributes:
        baseline_id: Case id of the earlier scan.
        follow_up_id: Case id of the later one.
        lesions: By the first baseline lesion's number, then the new ones.
    """

    baseline_id: str
    follow_up_id: str
    lesions: tuple[FollowedLesion, ...]

    @property
    def baseline_uids(self) -> frozenset[str]:
        """The tracking UIDs that lesions of the baseline have."""
        parts = (part for lesion in self.lesions for part in lesion.baseline)
        return frozenset(p.tracking_uid for p in parts if p.tracking_uid is not None)

    def handed_on(self, uids: Iterable[str | None]) -> int:
        """How many of the later lesions' tracking UIDs are of the baseline."""
        return sum(uid in self.baseline_uids for uid in uids)

    def of_fate(self, fate: Fate) -> tuple[FollowedLesion, ...]:
        """The lesions of one fate."""
        return tuple(each for each in self.lesions if each.fate is fate)


def _longest_mm(parts: tuple[InstanceMeasure, ...]) -> float | None:
    return sum(each.longest_axial_mm for each in parts) if parts else None
