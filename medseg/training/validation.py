"""Held-out cases, segmented by the network that did not learn from them and scored."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medseg.core.case import Case, Dataset
from medseg.core.errors import MedSegError
from medseg.core.model_info import StructureResult
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.scores import Scores, StructureMean, structure_means
from medseg.core.settings import InferenceSettings
from medseg.core.volume import Segmentation, Volume
from medseg.io import read_segmentation, write_segmentation
from medseg.io.safe_writing import written_whole
from medseg.metrics import score_described
from medseg.models import TrainedModel, load_model
from medseg.pipeline import segment
from medseg.report import scores_csv
from medseg.training.cases import read_case
from medseg.training.runs import Finished, Run, described
from medseg.training.team import Team


def validated(
    finished: Finished, team: Team, on_progress: ProgressCallback = ignore_progress
) -> tuple[list[Scores], int]:
    """Segment and score the held-out cases with a network that has been saved.

    Label maps and a table of the scores go into the run's folder. A label map that
    this very network has made of this very scan is not made again.

    Args:
        finished: Its network is one of those in the model folder.
        team: Each process takes some of the cases.
        on_progress: Called after every case; may raise `Cancelled`.

    Returns:
        Scores of all held-out cases, by case id, in every process; and from how many of
        them the model started from had learned.

    Raises:
        UnusableInput: Naming a case that cannot be used; DISK_FULL.
        Cancelled: From `on_progress`.
    """
    run = finished.run
    if not run.held_out:
        return [], 0
    whole = load_model(run.out)
    place = whole.info.weights.index(finished.file)
    model = TrainedModel(
        info=described([finished], run.settings), networks=(whole.networks[place],)
    )
    settings = InferenceSettings(
        device=run.settings.device, precision=run.settings.precision
    )
    share = team.share_of(run.held_out)
    scored: list[tuple[Scores, bool]] = []
    for done, case in enumerate(share, start=1):
        volume, reference = read_case(case, run.dataset)
        path = prediction_path(run, case)
        prediction = _made_before(path, volume, model)
        if prediction is None:
            prediction = segment(volume, model, settings)
            write_segmentation(prediction, path, overwrite=True)
        scores = scored_as_asked(prediction, reference, run, case)
        scored.append((scores, model.info.training.has_seen(volume.sha256)))
        on_progress(
            Progress(stage="validating", done=done, total=len(share), note=case.id)
        )
    gathered = sorted(team.gathered(scored), key=lambda each: each[0].case_id)
    if team.is_first:
        write_scores([each for each, _ in gathered], run.folder / "validation.csv")
    return [each for each, _ in gathered], sum(seen for _, seen in gathered)


def scored_as_asked(
    prediction: Segmentation, reference: Segmentation, run: Run, case: Case
) -> Scores:
    """Scores of what the dataset describes, with the tolerance of the settings."""
    scores = score_described(
        prediction,
        reference,
        run.dataset.described,
        tolerance_mm=run.settings.tolerance_mm,
    )
    return replace(scores, case_id=case.id)  # which an image's name may not be


def prediction_path(run: Run, case: Case) -> Path:
    """Label map of a held-out case."""
    return run.predictions / f"{case.id}.nii.gz"


def write_scores(scores: Sequence[Scores], path: Path) -> None:
    """Write a table of scores over an earlier one.

    Raises:
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text(scores_csv(tuple(scores)), encoding="utf-8")


def results_of(
    dataset: Dataset, scores: Sequence[Scores]
) -> tuple[StructureResult, ...]:
    """Means over the cases of every structure, or region, as `evaluate` takes them."""
    means = {each.structure: each for each in structure_means(scores)}
    return tuple(
        _result(means[name], scores[0][name].tolerance_mm)
        for name in dataset.described.scored_names
    )


def _result(mean: StructureMean, tolerance_mm: float | None) -> StructureResult:
    return StructureResult(
        structure=mean.structure,
        mean_dice=mean.dice,
        mean_iou=mean.iou,
        cases=mean.n,
        mean_hd95_mm=mean["hd95_mm"].value,
        mean_nsd=mean["nsd"].value,
        tolerance_mm=tolerance_mm,
    )


def _made_before(
    path: Path, volume: Volume, model: TrainedModel
) -> Segmentation | None:
    """The label map there, if this model made it of this scan."""
    if not path.exists():
        return None
    try:
        prediction = read_segmentation(path)
    except MedSegError:
        return None
    made = prediction.provenance
    is_it = made is not None and (
        (made.model_sha256, made.input_sha256) == (model.sha256, volume.sha256)
    )
    return prediction if is_it else None
