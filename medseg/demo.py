"""The main job on a synthetic scan: files -> labels -> scores -> report."""

from dataclasses import dataclass
from pathlib import Path

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.scores import Evaluation, Scores
from medseg.core.settings import InferenceSettings
from medseg.evaluation import write_scores
from medseg.io import read_volume, write_segmentation, written_whole
from medseg.metrics import score
from medseg.models import load_model
from medseg.phantom import SAMPLE_SEED, make_phantom, write_phantom_series
from medseg.pipeline import segment
from medseg.report import render_report

DEMO_MODEL = "phantom-abdomen"
_REMARKS = (
    "Synthetic CT phantom, not a patient.",
    "The model was trained on other phantoms; no training saw this one.",
)


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demo made.

    Attributes:
        scores: Of the segmentation against the phantom's truth.
        scan: Folder of the DICOM series.
        segmentation: Label map on the scan's grid.
        reference: The phantom's truth.
        table: Scores as CSV.
        report: HTML page.
    """

    scores: Scores
    scan: Path
    segmentation: Path
    reference: Path
    table: Path
    report: Path


def run_demo(
    out: Path,
    settings: InferenceSettings,
    on_progress: ProgressCallback = ignore_progress,
) -> DemoResult:
    """Make a phantom scan, segment it, score it and report, all under one folder.

    Needs no network and no files beyond the package.

    Raises:
        WrongUse: OUTPUT_EXISTS when the folder is not empty.
        UnusableInput: DISK_FULL, NOT_WRITABLE.
        Cancelled: From `on_progress`.
    """
    if out.exists() and any(out.iterdir()):
        raise WrongUse(
            ErrorCode.OUTPUT_EXISTS,
            "the folder is not empty",
            where=out,
            remedy="Name another folder with --out.",
        )
    scan_folder = out / "scan"
    on_progress(Progress(stage="making a synthetic CT scan", done=0, total=1))
    phantom = make_phantom(SAMPLE_SEED)
    write_phantom_series(phantom, scan_folder)
    on_progress(Progress(stage="making a synthetic CT scan", done=1, total=1))
    scan = read_volume(scan_folder)
    prediction = segment(scan, load_model(DEMO_MODEL), settings, on_progress)
    scores = score(prediction, phantom.reference, scan)
    result = DemoResult(
        scores=scores,
        scan=scan_folder,
        segmentation=out / "segmentation.nii.gz",
        reference=out / "reference.nii.gz",
        table=out / "scores.csv",
        report=out / "report.html",
    )
    write_segmentation(prediction, result.segmentation)
    write_segmentation(phantom.reference, result.reference)
    write_scores(Evaluation(cases=(scores,)), result.table)
    page = render_report(
        scan,
        prediction,
        reference=phantom.reference,
        scores=scores,
        title="MedSeg demo: abdominal CT phantom",
        remarks=_REMARKS,
    )
    with written_whole(result.report) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return result
