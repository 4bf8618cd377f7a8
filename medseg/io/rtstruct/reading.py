"""RTSTRUCT -> label maps on the scan's grid, one unless structures overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import (
    Colour,
    Structure,
    StructureKind,
    kind_of,
    standard_colour,
)
from medseg.core.volume import Volume
from medseg.io.dicom.codes import is_lesion, snomed_of
from medseg.io.dicom.damage import damaged, dicom_damage
from medseg.io.dicom.names import name_of, told_apart
from medseg.io.label_maps.layers import SegmentPacker, Segments
from medseg.io.rtstruct.contours import Region
from medseg.io.rtstruct.source import scan_of_contours

_MAX_LABEL = 65535
_UNDEFINED = 0xFFFFFFFF  # length of an attribute that ends with a mark
_KINDS = {"ORGAN": StructureKind.STUFF, "GTV": StructureKind.THING}


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
            no slice of it, INVALID_HEADER when there is no region, TOO_LARGE when
            contours are longer than any that could be drawn.
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
            region = Region(
                number=roi.number,
                contours=roi.content.get("ContourSequence") or [],
                geometry=found.geometry,
                path=path,
            )
            packer.add(structure.id, region.planes(notes))
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
