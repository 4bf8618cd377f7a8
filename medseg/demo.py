"""The main job on a synthetic scan: files -> labels -> scores -> report."""

from dataclasses import dataclass
from pathlib import Path

from medseg.core.evaluation import Evaluation
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.scores import Scores
from medseg.core.settings import InferenceSettings
from medseg.evaluation import write_scores
from medseg.inference import resolved_device
from medseg.io import read_volume, write_segmentation, written_whole_folder
from medseg.metrics import score
from medseg.models import TrainedModel, load_model
from medseg.phantom import SAMPLE_SEED, make_phantom, write_phantom_series
from medseg.pipeline import segment
from medseg.report import render_report

DEMO_MODEL = "phantom-abdomen"
SCAN = "scan"
SEGMENTATION = "segmentation.nii.gz"
REFERENCE = "reference.nii.gz"
TABLE = "scores.csv"
REPORT = "report.html"
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

    Needs no network and no files beyond the package. The folder is there whole or not
    at all.

    Raises:
        WrongUse: OUTPUT_EXISTS when the folder is not empty; NO_SUCH_DEVICE.
        UnusableInput: DISK_FULL, NOT_WRITABLE.
        Cancelled: From `on_progress`.
    """
    model = load_model(DEMO_MODEL)
    resolved_device(settings.device)
    with written_whole_folder(out) as folder:
        scores = _fill(folder, model, settings, on_progress)
    return DemoResult(
        scores=scores,
        scan=out / SCAN,
        segmentation=out / SEGMENTATION,
        reference=out / REFERENCE,
        table=out / TABLE,
        report=out / REPORT,
    )


def _fill(
    folder: Path,
    model: TrainedModel,
    settings: InferenceSettings,
    on_progress: ProgressCallback,
) -> Scores:
    on_progress(Progress(stage="making a synthetic CT scan", done=0, total=1))
    phantom = make_phantom(SAMPLE_SEED)
    write_phantom_series(phantom, folder / SCAN)
    on_progress(Progress(stage="making a synthetic CT scan", done=1, total=1))
    scan = read_volume(folder / SCAN)
    prediction = segment(scan, model, settings, on_progress)
    scores = score(prediction, phantom.reference, scan)
    write_segmentation(prediction, folder / SEGMENTATION)
    write_segmentation(phantom.reference, folder / REFERENCE)
    write_scores(Evaluation(cases=(scores,)), folder / TABLE)
    page = render_report(
        scan,
        prediction,
        reference=phantom.reference,
        scores=scores,
        title="MedSeg demo: abdominal CT phantom",
        remarks=_REMARKS,
    )
    (folder / REPORT).write_text(page, encoding="utf-8")
    return scores
