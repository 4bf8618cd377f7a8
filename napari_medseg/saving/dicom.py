"""Saving a Labels layer as DICOM, for the scan it was made of; knows no Qt."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from napari.layers import Image, Labels, Layer

import medseg
from napari_medseg.layers.conversion import (
    Record,
    placement_of,
    record_of,
    segmentation_in,
    volume_of,
)
from napari_medseg.layers.placement import Placement

ENDINGS = {
    medseg.SegmentationFormat.DICOM_SEG: ".seg.dcm",
    medseg.SegmentationFormat.RTSTRUCT: ".rtstruct.dcm",
}
_SUFFIX = ".dcm"


@dataclass(frozen=True, eq=False, kw_only=True)
class DicomLabels:
    """A Labels layer and the scan that DICOM output refers to.

    Attributes:
        shown: The layer's labels.
        placement: The grid they are on.
        record: What MedSeg kept with the layer.
        source: The scan; None where no DICOM series on the same grid is open.
    """

    shown: np.ndarray
    placement: Placement
    record: Record
    source: medseg.Volume | None

    @classmethod
    def of(cls, layer: Labels, neighbours: Iterable[Layer]) -> "DicomLabels":
        """A layer and the scan among its neighbours; nothing is computed.

        Raises:
            UnusableInput: MISSING_GEOMETRY, when the layer has no place in a patient.
            WrongUse: NO_DICOM_SOURCE, when only other scans than the one it was made of
                are open on its grid, or SEVERAL_SERIES, when any of them may be it.
        """
        layers = tuple(neighbours)
        placement = placement_of(layer, layers)
        empty = Record(placement=placement, case_id="")
        record = record_of(layer) or empty
        return cls(
            shown=np.asarray(layer.data),
            placement=placement,
            record=replace(record, case_id=record.case_id or layer.name),
            source=_source_of(record, _series_on(placement, layers), layer.name),
        )

    def write(self, path: Path, file_format: medseg.SegmentationFormat) -> Path:
        """Write the file, and names and provenance in a `.json` beside it.

        Args:
            path: What the user called it. Whether to replace a file of that very name
                has been asked; where `.dcm` is missing, it is added, and none is.
            file_format: DICOM-SEG or RTSTRUCT.

        Returns:
            The file written.

        Raises:
            WrongUse: NO_DICOM_SOURCE, OUTPUT_EXISTS.
            UnusableInput: When the series cannot be referred to, or the disk is full.
        """
        is_as_named = path.name.lower().endswith(_SUFFIX)
        if not is_as_named:
            path = path.with_name(path.name + ENDINGS[file_format])
        medseg.write_segmentation(
            segmentation_in(self.shown, self.placement, self.record),
            path,
            source=self.source,
            file_format=file_format,
            overwrite=is_as_named and path.exists(),
        )
        return path


def _series_on(
    placement: Placement, layers: Iterable[Layer]
) -> dict[str, medseg.Volume]:
    """The DICOM series on a grid, by their case ids; opened twice, they are one."""
    found = {}
    for layer in layers:
        record = record_of(layer)
        if (
            isinstance(layer, Image)
            and record is not None
            and record.source
            and record.placement.source.is_same_grid(placement.source)
        ):
            found[record.case_id] = volume_of(layer)
    return found


def _source_of(
    record: Record, series: dict[str, medseg.Volume], name: str
) -> medseg.Volume | None:
    """The one that labels were made of; grids of two patients may be the same."""
    made = record.provenance
    same_files = [
        each
        for each in series.values()
        if made is not None and each.sha256 and each.sha256 == made.input_sha256
    ]
    if same_files:
        return same_files[0]
    if record.case_id in series or not series:
        return series.get(record.case_id)
    if made is not None:
        raise medseg.WrongUse(
            medseg.ErrorCode.NO_DICOM_SOURCE,
            "the labels were made of another scan than the DICOM series that is open",
            where=name,
            remedy="Open the series they were made of, or save as NIfTI.",
        )
    if len(series) > 1:
        raise medseg.WrongUse(
            medseg.ErrorCode.SEVERAL_SERIES,
            f"{len(series)} DICOM series lie on the grid of these labels",
            where=name,
            remedy="Remove the layers of those that they do not belong to.",
        )
    return next(iter(series.values()))
