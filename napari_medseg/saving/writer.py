"""Saving a Labels layer on the grid of the scan it belongs to, from File > Save."""

from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Labels, Layer

import medseg
from napari_medseg.layers.conversion import segmentation_of
from napari_medseg.saving.dicom import DicomLabels


def write_labels(path: str, data: np.ndarray, meta: dict[str, Any]) -> list[str]:
    """Write a label map with its place in the patient, and say what was written.

    Args:
        path: File to write; its suffix gives the format. Where it is there, napari has
            asked whether to replace it.
        data: The layer's labels.
        meta: The layer's other properties, as napari hands them on.
    """
    segmentation = segmentation_of(Labels(data, **meta), _neighbours())
    overwrite = Path(path).exists()  # not so a `.json` of another's beside a new file
    medseg.write_segmentation(segmentation, Path(path), overwrite=overwrite)
    return [path]


def write_dicom_seg(path: str, data: np.ndarray, meta: dict[str, Any]) -> list[str]:
    """Write a DICOM-SEG that refers to the series open beside the labels."""
    return _write_dicom(path, Labels(data, **meta), medseg.SegmentationFormat.DICOM_SEG)


def write_rtstruct(path: str, data: np.ndarray, meta: dict[str, Any]) -> list[str]:
    """Write an RTSTRUCT that refers to the series open beside the labels."""
    return _write_dicom(path, Labels(data, **meta), medseg.SegmentationFormat.RTSTRUCT)


def _write_dicom(
    path: str, layer: Labels, file_format: medseg.SegmentationFormat
) -> list[str]:
    labels = DicomLabels.of(layer, _neighbours())
    return [str(labels.write(Path(path), file_format))]


def _neighbours() -> tuple[Layer, ...]:
    viewer = napari.current_viewer()
    return () if viewer is None else tuple(viewer.layers)
