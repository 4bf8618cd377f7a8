"""DICOM-SEG -> label maps, one unless segments overlap."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import numpy as np
import pydicom
from highdicom.color import CIELabColor
from pydicom.dataset import Dataset

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.labels import Colour, Structure, standard_colour
from medseg.io.dicom_codes import kind_from, snomed_of
from medseg.io.dicom_damage import dicom_damage
from medseg.io.dicom_headers import read_headers
from medseg.io.dicom_names import name_of, told_apart
from medseg.io.dicom_seg_geometry import Distances, first_slice_on, frame_grid
from medseg.io.dicom_seg_pixels import require_frame_count, segment_pixels
from medseg.io.dicom_seg_writing import LABEL_CREATOR, LABEL_ELEMENT, LABEL_GROUP
from medseg.io.dicom_values import factor
from medseg.io.segment_layers import Plane, SegmentPacker, Segments

_MAX_SHARE = 255  # what a full share is stored as, at most


class _Kind(StrEnum):
    """What a pixel of a DICOM-SEG means."""

    BINARY = "BINARY"
    FRACTIONAL = "FRACTIONAL"
    LABELMAP = "LABELMAP"


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """One frame: its number in the file, its segment (0: all), its slice."""

    number: int
    segment: int
    k: int


def read_dicom_seg(
    path: Path, scan: Geometry | None = None, threshold: float | None = None
) -> Segments:
    """Read every segment, with its name, code and colour.

    Args:
        path: The DICOM-SEG.
        scan: Grid of the scan it belongs to. Without it the grid is the one that the
            frames span; slices beyond the outermost frames are not known then.
        threshold: For one that holds probabilities or occupancies: the share, above 0
            and up to 1, from which a voxel is part of a segment.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP for shares without a threshold, GRID_MISMATCH,
            UNKNOWN_LABEL, INVALID_HEADER, or what is wrong with the frames' places.
    """
    with dicom_damage(path):
        data = pydicom.dcmread(path, stop_before_pixels=True)
        kind = _kind(data, path)
        require_frame_count(data, path)
        distances = _distances(data, scan)
        grid, slices, notes = frame_grid(read_headers(path), distances, path)
        start = 0 if scan is None else first_slice_on(grid, scan, path)
        frames = _frames(data, kind, [k + start for k in slices], path)
        labels = _labels(data, path)
        structures = _structures(data, labels)
    lowest = _lowest(data, kind, threshold, path)
    packer = SegmentPacker(scan or grid, max(labels.values()), path)
    for number, planes in _segments(path, frames, kind, lowest, sorted(labels)):
        if number not in labels:
            raise UnusableInput(
                ErrorCode.UNKNOWN_LABEL,
                f"it holds a segment {number} that it does not describe",
                where=path,
                remedy="Export it again.",
            )
        packer.add(labels[number], planes)
    return packer.packed(structures, notes)


def _segments(
    path: Path, frames: Sequence[_Frame], kind: _Kind, lowest: float, known: list[int]
) -> Iterator[tuple[int, dict[int, Plane]]]:
    """Each segment, and where it is in which slices."""
    ordered = sorted(frames, key=lambda frame: (frame.segment, frame.k))
    pixels = segment_pixels(path, [frame.number for frame in ordered])
    if kind is _Kind.LABELMAP:
        planes = {
            frame.k: plane.T for frame, plane in zip(ordered, pixels, strict=True)
        }
        found = {int(n) for plane in planes.values() for n in np.unique(plane)} - {0}
        for number in sorted(found | set(known)):
            yield number, _where(planes, number)
        return
    both = zip(ordered, pixels, strict=True)
    for number, group in groupby(both, key=lambda pair: pair[0].segment):
        masks = {f.k: np.greater_equal(plane.T, lowest) for f, plane in group}
        yield number, {k: mask for k, mask in masks.items() if mask.any()}


def _where(planes: dict[int, np.ndarray], number: int) -> dict[int, Plane]:
    masks = {k: plane == number for k, plane in planes.items()}
    return {k: mask for k, mask in masks.items() if mask.any()}


def _kind(data: Dataset, path: Path) -> _Kind:
    name = str(data.get("SegmentationType", ""))
    if name in tuple(_Kind):
        return _Kind(name)
    raise UnusableInput(
        ErrorCode.NOT_A_LABEL_MAP,
        "its segmentation type is none of BINARY, FRACTIONAL and LABELMAP",
        where=path,
        remedy="Export it again as a binary segmentation.",
    )


def _lowest(data: Dataset, kind: _Kind, threshold: float | None, path: Path) -> float:
    """Smallest stored value that is part of a segment."""
    if kind is not _Kind.FRACTIONAL:
        return 1.0
    if threshold is None:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            "it holds a share for each voxel (probability or occupancy), not labels",
            where=path,
            remedy="Say from which share on a voxel counts: threshold=0.5, say.",
        )
    largest = factor([data], "MaximumFractionalValue", math.nan)
    if 1 <= largest <= _MAX_SHARE:
        return threshold * largest
    raise UnusableInput(
        ErrorCode.INVALID_HEADER,
        f"what it stores a full share as (MaximumFractionalValue) is not 1 to "
        f"{_MAX_SHARE}",
        where=path,
        remedy="Export it again.",
    )


def _distances(data: Dataset, scan: Geometry | None) -> Distances:
    """Distance between slices, as the scan or the file has it, and their thickness."""
    groups = [
        *(data.get("SharedFunctionalGroupsSequence") or []),
        *(data.get("PerFrameFunctionalGroupsSequence") or [])[:1],
    ]
    measures = [
        item for group in groups for item in group.get("PixelMeasuresSequence") or []
    ]
    spacing_mm, thickness_mm = (
        abs(factor(measures, keyword, 0.0))
        for keyword in ("SpacingBetweenSlices", "SliceThickness")
    )
    return Distances(
        spacing_mm=spacing_mm if scan is None else scan.spacing_mm[2],
        thickness_mm=thickness_mm,
    )


def _frames(
    data: Dataset, kind: _Kind, slices: Sequence[int], path: Path
) -> tuple[_Frame, ...]:
    """Segment and slice of each frame; no two are the same."""
    shared = (data.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    frames = []
    own = data.get("PerFrameFunctionalGroupsSequence") or []
    for number, (group, k) in enumerate(zip(own, slices, strict=True)):
        segment = 0
        if kind is not _Kind.LABELMAP:
            named = group.get("SegmentIdentificationSequence")
            named = named or shared.SegmentIdentificationSequence
            segment = int(named[0].ReferencedSegmentNumber)
        frames.append(_Frame(number=number, segment=segment, k=k))
    if len({(frame.segment, frame.k) for frame in frames}) < len(frames):
        raise UnusableInput(
            ErrorCode.DUPLICATE_POSITIONS,
            "a segment has several frames at one place (times?)",
            where=path,
            remedy="Split it and give one of them.",
        )
    return tuple(frames)


def _labels(data: Dataset, path: Path) -> dict[int, int]:
    """Label number for each segment number: the same, unless MedSeg wrote another."""
    segments = _described(data)
    numbers = [int(segment.SegmentNumber) for segment in segments]
    labels = [_own_label(segment) for segment in segments]
    chosen = [label or number for label, number in zip(labels, numbers, strict=True)]
    if numbers and len(set(chosen)) == len(set(numbers)) == len(numbers):
        return dict(zip(numbers, chosen, strict=True))
    raise UnusableInput(
        ErrorCode.INVALID_HEADER,
        "it describes no segment, or two with the same number",
        where=path,
        remedy="Export it again.",
    )


def _own_label(segment: Dataset) -> int | None:
    try:
        block = segment.private_block(LABEL_GROUP, LABEL_CREATOR)
        return int(block[LABEL_ELEMENT].value)
    except (KeyError, TypeError, ValueError):
        return None


def _described(data: Dataset) -> list[Dataset]:
    """The segments, without the background that a LABELMAP describes."""
    segments = data.get("SegmentSequence") or []
    return [segment for segment in segments if int(segment.SegmentNumber) > 0]


def _structures(data: Dataset, labels: dict[int, int]) -> tuple[Structure, ...]:
    segments = _described(data)
    names = told_apart(
        (
            name_of(
                str(segment.get("SegmentLabel", "")),
                str(segment.get("SegmentDescription", "")),
            )
            for segment in segments
        ),
        list(labels),
    )
    return tuple(
        Structure(
            id=label,
            name=name,
            colour=_colour(segment, label),
            kind=kind_from(
                segment.get("SegmentedPropertyCategoryCodeSequence") or [], name
            ),
            snomed_ct=snomed_of(segment.get("SegmentedPropertyTypeCodeSequence") or []),
        )
        for segment, name, label in zip(segments, names, labels.values(), strict=True)
    )


def _colour(segment: Dataset, label: int) -> Colour:
    value = segment.get("RecommendedDisplayCIELabValue")
    if value is None or len(value) != 3:
        return standard_colour(label)
    lab = CIELabColor.from_dicom_value([int(part) for part in value])
    red, green, blue = (round(part) for part in lab.to_rgb(clip=True))
    return red, green, blue
