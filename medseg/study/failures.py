"""Pictures of the worst cases."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medseg.core.described_labels import DescribedLabels, all_labels_of
from medseg.core.errors import MedSegError
from medseg.core.metric import metric_named
from medseg.core.scores import MaskState
from medseg.core.volume import Segmentation, Volume
from medseg.evaluation.pairing import CaseFiles
from medseg.io import read_segmentation, read_volume
from medseg.metrics import compared_maps
from medseg.preprocessing import resample_nearest
from medseg.report.panels import draw_close_up
from medseg.report.pictures import Picture
from medseg.report.structures import report_rows
from medseg.study.nouns import Study
from medseg.study.page import Failure
from medseg.study.results import WorstCase
from medseg.study.wording import number

_STATES = {
    MaskState.BOTH_PRESENT: "both present",
    MaskState.PREDICTION_EMPTY: "missed",
    MaskState.REFERENCE_EMPTY: "not in the reference",
    MaskState.BOTH_EMPTY: "absent",
}


@dataclass(frozen=True, kw_only=True)
class PictureFiles:
    """Where the label maps and scans of the models are.

    Attributes:
        files: By model, then by case.
        described: What the labels mean; None for the names beside the files.
    """

    files: Mapping[str, Mapping[str, CaseFiles]]
    described: DescribedLabels | None


def failures_of(study: Study, files: PictureFiles) -> Iterator[Failure]:
    """The worst cases, each with a picture if its files can still be read."""
    metric = metric_named(study.settings.primary)
    for worst in study.worst:
        yield Failure(
            model=worst.model,
            case_id=worst.case_id,
            structure=worst.structure,
            value=number(worst.value, metric.digits),
            state=_STATES[MaskState(worst.state)],
            picture=_picture(worst, study.labels[worst.structure], files),
        )


def _picture(worst: WorstCase, label: int, files: PictureFiles) -> Picture | None:
    """A picture is no reason to lose a study: without readable files there is none."""
    case = files.files[worst.model].get(worst.case_id)
    if case is None:
        return None
    labels = all_labels_of(files.described)
    try:
        prediction = read_segmentation(case.prediction, labels)
        reference = _on_grid(read_segmentation(case.reference, labels), prediction)
        scan = _scan(case.image, prediction)
    except MedSegError:
        return None
    for found, wanted in compared_maps(prediction, reference, files.described):
        rows = report_rows(found, wanted, None)
        row = next((each for each in rows if each.label == label), None)
        if row is None:
            continue
        picture = draw_close_up(scan, found, wanted, row)
        return None if picture is None else _titled(picture, worst)
    return None


def _titled(picture: Picture, worst: WorstCase) -> Picture:
    return Picture(
        png=picture.png,
        width_mm=picture.width_mm,
        height_mm=picture.height_mm,
        outlines=picture.outlines,
        edges=picture.edges,
        title=worst.case_id,
        detail=f"{worst.model}, {worst.structure}, {picture.detail}",
        description=f"{worst.case_id}, {worst.model}. {picture.description}",
    )


def _on_grid(reference: Segmentation, prediction: Segmentation) -> Segmentation:
    if reference.geometry.is_same_grid(prediction.geometry):
        return reference
    return resample_nearest(reference, prediction.geometry)


def _scan(path: Path | None, prediction: Segmentation) -> Volume:
    """The scan, or black where there is none on the grid of the prediction."""
    if path is not None:
        scan = read_volume(path)
        if scan.geometry.is_same_grid(prediction.geometry):
            return scan
    black = np.zeros((1, *prediction.geometry.shape), dtype=np.uint8)
    return Volume(array=black, geometry=prediction.geometry)
