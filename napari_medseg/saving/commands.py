"""File > IO Utilities: the selected labels as DICOM-SEG or RTSTRUCT."""

from pathlib import Path

from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QApplication, QFileDialog

import medseg
from napari_medseg.controls.background import Report
from napari_medseg.controls.errands import run_errand
from napari_medseg.saving.dicom import ENDINGS, DicomLabels


def save_dicom_seg(viewer: ViewerModel) -> None:
    """Ask where to, and write the selected labels as a DICOM-SEG."""
    _ask_and_save(viewer, medseg.SegmentationFormat.DICOM_SEG, "DICOM-SEG")


def save_rtstruct(viewer: ViewerModel) -> None:
    """Ask where to, and write the selected labels as an RTSTRUCT."""
    _ask_and_save(viewer, medseg.SegmentationFormat.RTSTRUCT, "RTSTRUCT")


def _ask_and_save(
    viewer: ViewerModel, file_format: medseg.SegmentationFormat, title: str
) -> None:
    layer = viewer.layers.selection.active
    if not isinstance(layer, Labels):
        show_info("Select the Labels layer to save first.")
        return
    try:
        labels = DicomLabels.of(layer, viewer.layers)
        if labels.source is None:
            raise _no_series(layer)
    except medseg.MedSegError as error:
        show_error(str(error))
        return
    name, _ = QFileDialog.getSaveFileName(
        QApplication.activeWindow(),
        f"Save {layer.name} as {title}",
        labels.record.case_id + ENDINGS[file_format],
        f"{title} (*.dcm)",
    )
    if name:
        _save(labels, Path(name), file_format)


def _save(
    labels: DicomLabels, path: Path, file_format: medseg.SegmentationFormat
) -> None:
    def work(_report: Report) -> Path:
        return labels.write(path, file_format)

    run_errand(f"MedSeg: saving {path.name}", work, _tell_saved)


def _tell_saved(path: object) -> None:
    if isinstance(path, Path):
        show_info(f"Saved {path.name}.")


def _no_series(layer: Labels) -> medseg.WrongUse:
    return medseg.WrongUse(
        medseg.ErrorCode.NO_DICOM_SOURCE,
        "no DICOM series on the grid of these labels is open",
        where=layer.name,
        remedy="Open the series the labels were made of, or save as NIfTI.",
    )
