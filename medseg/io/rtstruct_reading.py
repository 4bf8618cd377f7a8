"""RTSTRUCT -> label maps on the scan's grid, one unless structures overlap."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import LPS_TO_RAS, Geometry
from medseg.core.labels import (
    Colour,
    Structure,
    StructureKind,
    kind_of,
    standard_colour,
)
from medseg.core.volume import Volume
from medseg.io.contours import Loop, Plane, combine, combine_by_xor, fill
from medseg.io.dicom_codes import is_lesion, snomed_of
from medseg.io.dicom_damage import damaged, dicom_damage
from medseg.io.dicom_names import name_of, told_apart
from medseg.io.rtstruct_source import scan_of_contours
from medseg.io.segment_layers import SegmentPacker, Segments

MAX_OFF_SLICE_MM = 0.1
"""Distance of a contour from a slice which is rounding."""

MAX_OFF_SLICE = 0.1
"""The same as a share of the distance between slices."""

_CLOSED, _XOR = "CLOSED_PLANAR", "CLOSEDPLANAR_XOR"
_MAX_LABEL = 65535
_UNDEFINED = 0xFFFFFFFF  # length of an attribute that ends with a mark
_FEWEST = 9  # numbers of the smallest polygon, a triangle
_KINDS = {"ORGAN": StructureKind.STUFF, "GTV": StructureKind.THING}


@dataclass(frozen=True, eq=False, kw_only=True)
class _Contour:
    """A polygon in a slice.

    Attributes:
        k: The slice.
        loop: Corners, in pixels.
        is_xor: Whether it is to be combined with others by exclusive or.
    """

    k: int
    loop: Loop
    is_xor: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class _Roi:
    """A region of interest as the file describes it."""

    number: int
    description: Dataset
    content: Dataset
    observation: Dataset


def read_rtstruct(path: Path, scan: Volume | None = None) -> Segments:
    """Read every region; a voxel belongs to it when its centre is within a contour.

    A contour within another is a hole, whether or not it is joined to it. Points and
    open lines have no inside and are left out, which is noted, and so is a region
    without contours, which is kept empty.

    Args:
        path: The RTSTRUCT.
        scan: The scan it was drawn on; without it, it is looked for beside the file.

    Raises:
        UnusableInput: NOT_FOUND without a scan, GRID_MISMATCH when a contour lies on
            no slice of it, INVALID_HEADER when there is no region.
    """
    with dicom_damage(path):
        data = pydicom.dcmread(path)
        _require_whole(data, path)
        rois = _rois(data, path)
        found = scan_of_contours(data, path, scan)
        notes = list(found.notes)
        structures = _structures(rois, notes)
        largest = max(structure.id for structure in structures)
        packer = SegmentPacker(found.geometry, largest, path)
        for roi, structure in zip(rois, structures, strict=True):
            contours = _contours(roi, found.geometry, notes, path)
            packer.add(
                structure.id, _planes(contours, found.geometry, roi.number, notes)
            )
    return packer.packed(structures, tuple(notes))


def _require_whole(data: Dataset, path: Path) -> None:
    """Refuse a file whose last attribute is cut off, which pydicom does not notice.

    Raises:
        UnusableInput: TRUNCATED_FILE.
    """
    for tag in list(data.keys()):
        element: object = data.get_item(tag)
        if not isinstance(element, RawDataElement):
            continue
        if element.length != _UNDEFINED and len(element.value or b"") < element.length:
            raise damaged("it ends too early", path)


def _rois(data: Dataset, path: Path) -> tuple[_Roi, ...]:
    contents = _by_number(data.get("ROIContourSequence"))
    observations = _by_number(data.get("RTROIObservationsSequence"))
    rois = tuple(
        _Roi(
            number=int(description.ROINumber),
            description=description,
            content=contents.get(int(description.ROINumber), Dataset()),
            observation=observations.get(int(description.ROINumber), Dataset()),
        )
        for description in data.get("StructureSetROISequence") or []
    )
    is_complete = rois and "ROIContourSequence" in data
    if is_complete and len({roi.number for roi in rois}) == len(rois):
        return rois
    raise UnusableInput(
        ErrorCode.INVALID_HEADER,
        "it describes no region of interest or no contours, or two regions with the "
        "same number",
        where=path,
        remedy="Export it again.",
    )


def _by_number(items: Sequence[Dataset] | None) -> dict[int, Dataset]:
    return {int(item.ReferencedROINumber): item for item in items or []}


def _structures(rois: Sequence[_Roi], notes: list[str]) -> tuple[Structure, ...]:
    """Name, colour, code and kind of each region; numbered anew where they must be."""
    numbers = [roi.number for roi in rois]
    if min(numbers) < 1 or max(numbers) > _MAX_LABEL:
        numbers = list(range(1, len(rois) + 1))
        notes.append("regions are numbered from 1; their own numbers are no labels")
    names = told_apart(
        (
            name_of(
                str(roi.description.get("ROIName", "")),
                str(roi.description.get("ROIDescription", "")),
            )
            for roi in rois
        ),
        numbers,
    )
    return tuple(
        _structure(roi, number, name)
        for roi, number, name in zip(rois, numbers, names, strict=True)
    )


def _structure(roi: _Roi, number: int, name: str) -> Structure:
    code = snomed_of(roi.observation.get("RTROIIdentificationCodeSequence") or [])
    told = StructureKind.THING if is_lesion(code) else kind_of(name)
    kind = str(roi.observation.get("RTROIInterpretedType", ""))
    return Structure(
        id=number,
        name=name,
        colour=_colour(roi.content, number),
        kind=_KINDS.get(kind, told),
        snomed_ct=code,
    )


def _colour(content: Dataset, number: int) -> Colour:
    value = content.get("ROIDisplayColor")
    if value is None or len(value) != 3:
        return standard_colour(number)
    red, green, blue = (min(max(int(part), 0), 255) for part in value)
    return red, green, blue


def _contours(
    roi: _Roi, geometry: Geometry, notes: list[str], path: Path
) -> list[_Contour]:
    """The polygons of a region, in pixels of the slices they lie on."""
    items = roi.content.get("ContourSequence") or []
    contours = []
    for item in items:
        kind = str(item.get("ContourGeometricType", ""))
        numbers = _numbers(item) if kind in (_CLOSED, _XOR) else np.empty(0)
        if len(numbers) >= _FEWEST:
            placed = _contour(numbers, roi.number, geometry, path)
            contours.append(replace(placed, is_xor=kind == _XOR))
    left_out = len(items) - len(contours)
    if left_out:
        notes.append(
            f"region {roi.number}: {left_out} contour(s) left out that are points or "
            "open lines"
        )
    if not contours:
        notes.append(f"region {roi.number} has no contours: kept as an empty structure")
    return contours


def _numbers(item: Dataset) -> np.ndarray:
    """Numbers of a contour, straight from the text: pydicom takes a second a MB."""
    element: object = item.get_item("ContourData")
    if isinstance(element, RawDataElement) and element.value:
        words = element.value.strip(b" \0").split(b"\\")
        return np.array([word for word in words if word], dtype=float)
    return np.array(item.get("ContourData") or [], dtype=float)


def _contour(
    numbers: np.ndarray, number: int, geometry: Geometry, path: Path
) -> _Contour:
    if len(numbers) % 3 or not np.isfinite(numbers).all():
        raise _misplaced(number, "has a contour whose points are damaged", path)
    points_ras_mm = numbers.reshape(-1, 3) @ LPS_TO_RAS[:3, :3]
    index = geometry.to_index(points_ras_mm)
    k = round(float(index[:, 2].mean()))
    spacing_mm = geometry.spacing_mm[2]
    off_mm = float(np.abs(index[:, 2] - k).max()) * spacing_mm
    if off_mm > max(MAX_OFF_SLICE_MM, MAX_OFF_SLICE * spacing_mm):
        raise _misplaced(
            number, f"has a contour {off_mm:.2f} mm from the nearest slice", path
        )
    if not 0 <= k < geometry.shape[2]:
        beyond_mm = max(-k, k - geometry.shape[2] + 1) * spacing_mm
        raise _misplaced(
            number, f"has a contour {beyond_mm:.1f} mm beyond the last slice", path
        )
    return _Contour(k=k, loop=np.ascontiguousarray(index[:, :2]))


def _planes(
    contours: Sequence[_Contour], geometry: Geometry, number: int, notes: list[str]
) -> dict[int, Plane]:
    """Where a region is, in each slice it has contours on."""
    by_slice: dict[int, list[_Contour]] = defaultdict(list)
    for contour in contours:
        by_slice[contour.k].append(contour)
    shape = geometry.shape[:2]
    planes: dict[int, Plane] = {}
    crossing = repeated = 0
    for k, group in by_slice.items():
        combined = combine((fill(c.loop, shape) for c in group if not c.is_xor), shape)
        by_xor = combine_by_xor((fill(c.loop, shape) for c in group if c.is_xor), shape)
        planes[k] = combined.plane | by_xor
        crossing += combined.crossing
        repeated += combined.repeated
    notes += _remarks(number, sorted(planes), crossing, repeated)
    return planes


def _remarks(number: int, slices: list[int], crossing: int, repeated: int) -> list[str]:
    """What a reader of the result should know of a region."""
    remarks = []
    if crossing:
        remarks.append(
            f"region {number}: {crossing} contour(s) cross others; they were added"
        )
    if repeated:
        remarks.append(
            f"region {number}: {repeated} contour(s) that are there twice left out"
        )
    skipped = slices[-1] - slices[0] + 1 - len(slices) if slices else 0
    if skipped:
        remarks.append(
            f"region {number}: no contour on {skipped} slice(s) between its first and "
            "its last"
        )
    return remarks


def _misplaced(number: int, what: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.GRID_MISMATCH,
        f"region {number} {what}",
        where=path,
        remedy="Give the scan that it was drawn on (source=).",
    )
