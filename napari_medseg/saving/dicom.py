"""Saving a Labels layer as DICOM, for the scan it was made of; knows no Qt."""

from collections.abc import Iterable
from dataclasses import dataclass
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
        """
        layers = tuple(neighbours)
        placement = placement_of(layer, layers)
        empty = Record(placement=placement, case_id=layer.name)
        return cls(
            shown=np.asarray(layer.data),
            placement=placement,
            record=record_of(layer) or empty,
            source=_source_among(layers, placement),
        )

    def write(self, path: Path, file_format: medseg.SegmentationFormat) -> Path:
        """Write the file, and names and provenance in a `.json` beside it.

        Args:
            path: What the user called it; `.dcm` is added where it is missing. Whether
                to replace a file has been asked.
            file_format: DICOM-SEG or RTSTRUCT.

        Returns:
            The file written.

        Raises:
            WrongUse: NO_DICOM_SOURCE.
            UnusableInput: When the series cannot be referred to, or the disk is full.
        """
        if not path.name.lower().endswith(_SUFFIX):
            path = path.with_name(path.name + ENDINGS[file_format])
        medseg.write_segmentation(
            segmentation_in(self.shown, self.placement, self.record),
            path,
            source=self.source,
            file_format=file_format,
            overwrite=True,
        )
        return path


def _source_among(
    layers: Iterable[Layer], placement: Placement
) -> medseg.Volume | None:
    for layer in layers:
        record = record_of(layer)
        is_dicom = isinstance(layer, Image) and record is not None and record.source
        if is_dicom and placement_of(layer).source.is_same_grid(placement.source):
            return volume_of(layer)
    return None
