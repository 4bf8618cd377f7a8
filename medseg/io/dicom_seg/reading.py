"""DICOM-SEG -> label maps, one unless segments overlap."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.labels import StructureKind
from medseg.core.panoptic import Panoptic
from medseg.io.dicom.damage import dicom_damage
from medseg.io.dicom.headers import read_headers
from medseg.io.dicom.values import factor
from medseg.io.dicom_seg.geometry import Distances, first_slice_on, frame_grid
from medseg.io.dicom_seg.meaning import Meanings, lesions_told, read_meanings
from medseg.io.dicom_seg.pixels import require_frame_count, segment_pixels
from medseg.io.label_maps.layers import Plane, SegmentPacker, Segments

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


@dataclass(frozen=True, kw_only=True)
class _Contents:
    """A DICOM-SEG whose headers are read, and its pixels not yet.

    Attributes:
        path: The file.
        kind: What its pixels mean.
        meanings: What its segments stand for.
        frames: All there are.
        geometry: Grid they are put on.
        notes: What finding their places had to decide.
        lowest: Smallest stored value that is part of a segment.
    """

    path: Path
    kind: _Kind
    meanings: Meanings
    frames: tuple[_Frame, ...]
    geometry: Geometry
    notes: tuple[str, ...]
    lowest: float

    def packer(self) -> SegmentPacker:
        return SegmentPacker(
            self.geometry, max(self.meanings.labels.values()), self.path
        )

    def segments(self) -> Iterator[tuple[int, dict[int, Plane]]]:
        """Number of each segment, and where it is in which slices.

        Raises:
            UnusableInput: UNKNOWN_LABEL for one that is not described.
        """
        known = self.meanings.labels
        every = _segments(self.path, self.frames, self.kind, self.lowest, sorted(known))
        for number, planes in every:
            if number not in known:
                raise UnusableInput(
                    ErrorCode.UNKNOWN_LABEL,
                    f"it holds a segment {number} that it does not describe",
                    where=self.path,
                    remedy="Export it again.",
                )
            yield number, planes


def read_dicom_seg(
    path: Path, scan: Geometry | None = None, threshold: float | None = None
) -> Segments:
    """Read every segment, with its name, code and colour.

    Segments that are lesions of one structure become one label.

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
    contents = _contents(path, scan, threshold)
    packer = contents.packer()
    for number, planes in contents.segments():
        packer.add(contents.meanings.labels[number], planes)
    return packer.packed(contents.meanings.structures, contents.notes)


def read_dicom_seg_panoptic(path: Path, scan: Geometry | None = None) -> Panoptic:
    """Read a DICOM-SEG with a segment a lesion.

    A lesion that another program wrote is the only one of its structure, and gets the
    next free number; the UID and name it is tracked by are kept.

    Args:
        path: The DICOM-SEG.
        scan: As in `read_dicom_seg`.

    Raises:
        UnusableInput: As `read_dicom_seg`; OVERLAPPING_SEGMENTS.
    """
    contents = _contents(path, scan, None)
    meanings = contents.meanings
    kinds = {structure.id: structure.kind for structure in meanings.structures}
    last = max((each.number for each in meanings.instances.values()), default=0)
    packer = contents.packer()
    instance_map = np.zeros(contents.geometry.shape[::-1], dtype=np.uint16).T
    instances = []
    for number, planes in contents.segments():
        label = meanings.labels[number]
        packer.add(label, planes)
        if kinds[label] is StructureKind.STUFF or not planes:
            continue
        instance = meanings.instances.get(number)
        if instance is None:
            last += 1
            instance = meanings.foreign_instance(number, last)
        instances.append(instance)
        for k, plane in planes.items():
            instance_map[:, :, k][plane] = instance.number
    segmentation = packer.packed(meanings.structures, contents.notes).only(path)
    try:
        return Panoptic(
            segmentation=segmentation,
            instance_map=instance_map,
            instances=tuple(instances),
        )
    except ValueError as error:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            f"its segments contradict each other: {error}",
            where=path,
            remedy="Write it anew; read_segmentation takes the labels alone.",
        ) from error


def count_lesions(path: Path) -> int:
    """How many segments of a DICOM-SEG say that they are one lesion."""
    with dicom_damage(path):
        return lesions_told(pydicom.dcmread(path, stop_before_pixels=True))


def _contents(path: Path, scan: Geometry | None, threshold: float | None) -> _Contents:
    with dicom_damage(path):
        data = pydicom.dcmread(path, stop_before_pixels=True)
        kind = _kind(data, path)
        require_frame_count(data, path)
        distances = _distances(data, scan)
        grid, slices, notes = frame_grid(read_headers(path), distances, path)
        start = 0 if scan is None else first_slice_on(grid, scan, path)
        return _Contents(
            path=path,
            kind=kind,
            meanings=read_meanings(data, path),
            frames=_frames(data, kind, [k + start for k in slices], path),
            geometry=scan or grid,
            notes=notes,
            lowest=_lowest(data, kind, threshold, path),
        )


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
