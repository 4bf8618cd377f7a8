"""What the segments of a DICOM-SEG stand for: a structure, or one lesion of it.

MedSeg writes down in private elements what DICOM has no place for, so that what was
written is what is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from highdicom.color import CIELabColor
from pydicom.dataset import Dataset

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import Colour, Structure, StructureKind, standard_colour
from medseg.core.panoptic import Instance, is_uid
from medseg.io.dicom.codes import kind_from, snomed_of
from medseg.io.dicom.names import name_of, told_apart

_GROUP, _CREATOR = 0x0063, "MEDSEG"
_LABEL, _INSTANCE, _CONFIDENCE = 0x01, 0x02, 0x03


@dataclass(frozen=True, kw_only=True)
class Meanings:
    """What all segments of a DICOM-SEG stand for.

    Attributes:
        labels: Label number for each segment number.
        structures: One a label.
        instances: For each segment number that MedSeg wrote of one lesion, what it says
            of it.
        trackings: UID and name that any other segment of one lesion is tracked by, by
            its number; None for what it has not.
    """

    labels: Mapping[int, int]
    structures: tuple[Structure, ...]
    instances: Mapping[int, Instance]
    trackings: Mapping[int, tuple[str | None, str | None]]

    def foreign_instance(self, segment: int, number: int) -> Instance:
        """A lesion that another program wrote.

        Args:
            segment: Its number.
            number: That the lesion is to have.
        """
        uid, name = self.trackings[segment]
        return Instance(
            number=number,
            structure_id=self.labels[segment],
            tracking_uid=uid,
            tracking_id=name,
        )


def write_label(segment: Dataset, label: int) -> None:
    """Note the label of a segment, where that is not the segment's number."""
    if int(segment.SegmentNumber) != label:
        block = segment.private_block(_GROUP, _CREATOR, create=True)
        block.add_new(_LABEL, "US", label)


def write_instance(segment: Dataset, instance: Instance) -> None:
    """Note which lesion a segment is, and how sure that is."""
    block = segment.private_block(_GROUP, _CREATOR, create=True)
    block.add_new(_INSTANCE, "US", instance.number)
    if instance.confidence is not None:
        block.add_new(_CONFIDENCE, "FD", instance.confidence)


def name_of_instance(name: str, instance: Instance) -> str:
    """What one lesion is called: "liver tumour 3"."""
    return f"{name} {instance.number}"


def read_meanings(data: Dataset, path: Path) -> Meanings:
    """What a DICOM-SEG says of its segments; a LABELMAP's background is none.

    Raises:
        UnusableInput: INVALID_HEADER when there is none, or two with one number.
    """
    segments = [
        segment
        for segment in data.get("SegmentSequence") or []
        if int(segment.SegmentNumber) > 0
    ]
    numbers = [int(segment.SegmentNumber) for segment in segments]
    labels = [
        int(_own(segment, _LABEL) or number)
        for segment, number in zip(segments, numbers, strict=True)
    ]
    instances = [
        _instance(segment, label)
        for segment, label in zip(segments, labels, strict=True)
    ]
    pieces = {
        (label, None if instance is None else instance.number)
        for label, instance in zip(labels, instances, strict=True)
    }
    if not numbers or not len(pieces) == len(set(numbers)) == len(numbers):
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            "it describes no segment, or two with the same number",
            where=path,
            remedy="Export it again.",
        )
    return Meanings(
        labels=dict(zip(numbers, labels, strict=True)),
        structures=_structures(segments, labels, instances),
        instances={
            number: instance
            for number, instance in zip(numbers, instances, strict=True)
            if instance is not None
        },
        trackings={
            number: _tracking(segment)
            for number, segment in zip(numbers, segments, strict=True)
        },
    )


def lesions_told(data: Dataset) -> int:
    """How many segments are marked as one lesion: by MedSeg, or by a Tracking UID."""
    return sum(
        _own(segment, _INSTANCE) is not None
        or (
            bool(segment.get("TrackingUID"))
            and _kind(segment, str(segment.get("SegmentLabel", "")))
            is StructureKind.THING
        )
        for segment in data.get("SegmentSequence") or []
    )


def _own(segment: Dataset, element: int) -> float | None:
    """Value of a private element of MedSeg's."""
    try:
        block = segment.private_block(_GROUP, _CREATOR)
        return float(block[element].value)
    except (KeyError, TypeError, ValueError):
        return None


def _instance(segment: Dataset, label: int) -> Instance | None:
    number = _own(segment, _INSTANCE)
    if number is None:
        return None
    uid, name = _tracking(segment)
    found = Instance(
        number=int(number),
        structure_id=label,
        confidence=_own(segment, _CONFIDENCE),
        tracking_uid=uid,
    )
    # One that nobody named is tracked by the name of its segment.
    return found if name == _whole_name(segment) else replace(found, tracking_id=name)


def _tracking(segment: Dataset) -> tuple[str | None, str | None]:
    """UID and name that a lesion is tracked by; a UID that is none is left out."""
    uid, name = (
        str(segment.get(keyword, "") or "") for keyword in ("TrackingUID", "TrackingID")
    )
    return uid if is_uid(uid) else None, name or None


def _structures(
    segments: Sequence[Dataset],
    labels: Sequence[int],
    instances: Sequence[Instance | None],
) -> tuple[Structure, ...]:
    """One a label, as its first segment has it."""
    first: dict[int, tuple[Dataset, str]] = {}
    for segment, label, instance in zip(segments, labels, instances, strict=True):
        first.setdefault(label, (segment, _name(segment, instance)))
    names = told_apart((name for _, name in first.values()), list(first))
    return tuple(
        Structure(
            id=label,
            name=name,
            colour=_colour(segment, label),
            kind=_kind(segment, name),
            snomed_ct=snomed_of(segment.get("SegmentedPropertyTypeCodeSequence") or []),
        )
        for (label, (segment, _)), name in zip(first.items(), names, strict=True)
    )


def _kind(segment: Dataset, name: str) -> StructureKind:
    return kind_from(segment.get("SegmentedPropertyCategoryCodeSequence") or [], name)


def _name(segment: Dataset, instance: Instance | None) -> str:
    """Name of the structure that a segment is, or is one of."""
    name = _whole_name(segment)
    if instance is None:
        return name
    return name.removesuffix(name_of_instance("", instance))


def _whole_name(segment: Dataset) -> str:
    return name_of(
        str(segment.get("SegmentLabel", "")), str(segment.get("SegmentDescription", ""))
    )


def _colour(segment: Dataset, label: int) -> Colour:
    value = segment.get("RecommendedDisplayCIELabValue")
    if value is None or len(value) != 3:
        return standard_colour(label)
    lab = CIELabColor.from_dicom_value([int(part) for part in value])
    red, green, blue = (round(part) for part in lab.to_rgb(clip=True))
    return red, green, blue
