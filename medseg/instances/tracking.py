"""Lesions of a later scan -> the same lesions, by the names they had before."""

from dataclasses import replace
from uuid import uuid4

from medseg.core.follow_up import FollowedLesion, FollowUp
from medseg.core.instance_measure import InstanceMeasure
from medseg.core.panoptic import Instance, Panoptic


def with_tracking(follow_up: Panoptic, found: FollowUp) -> Panoptic:
    """The lesions of the later scan with the Tracking UIDs of the baseline's.

    A lesion that is one of the baseline's has that one's UID and name, in place of any
    of its own; all parts of one that split have it. One that merged of several with
    different UIDs is none of them. Whatever has no UID then gets a new one (DICOM PS3.5
    annex B.2), so that it can be handed on to the scan after.

    Args:
        follow_up: Lesions of the later scan.
        found: What `follow` found of them.
    """
    known = {
        part.number: baseline
        for lesion in found.lesions
        if (baseline := _tracked(lesion)) is not None
        for part in lesion.follow_up
    }

    def tracked(instance: Instance) -> Instance:
        baseline = known.get(instance.number)
        if baseline is not None:
            return replace(
                instance,
                tracking_uid=baseline.tracking_uid,
                tracking_id=_name(baseline),
            )
        return replace(instance, tracking_uid=instance.tracking_uid or _new_uid())

    instances = tuple(tracked(each) for each in follow_up.instances)
    return replace(follow_up, instances=instances)


def _tracked(lesion: FollowedLesion) -> InstanceMeasure | None:
    """The part in the baseline by whose UID a lesion is known; None for no such UID."""
    uids = {each.tracking_uid for each in lesion.baseline}
    return lesion.baseline[0] if len(uids) == 1 and None not in uids else None


def _name(baseline: InstanceMeasure) -> str:
    """What it is called, if only by the label of its segment in DICOM."""
    return baseline.tracking_id or f"{baseline.structure.name} {baseline.number}"


def _new_uid() -> str:
    return f"2.25.{uuid4().int}"
