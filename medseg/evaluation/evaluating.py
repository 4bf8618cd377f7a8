"""The run over one pair or two folders: what `medseg.evaluate` does."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from medseg.core.described_labels import DescribedLabels
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.evaluation import Evaluation, FailedCase
from medseg.core.model_info import ModelInfo
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.versions import package_versions
from medseg.evaluation.gathering import Left, gathered
from medseg.evaluation.journal import Journal, open_journal
from medseg.evaluation.leakage import named_model
from medseg.evaluation.pairing import Pairs, pairs_of
from medseg.evaluation.pool import Died, each_result
from medseg.evaluation.scoring import (
    CaseTask,
    ScoredCase,
    died_case,
    scored_case,
    scored_or_failed,
)
from medseg.evaluation.settings import DEFAULT_EVALUATION, EvaluationSettings


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What became of the cases, in no particular order."""

    scored: Sequence[ScoredCase]
    failed: Sequence[FailedCase] = ()
    notes: tuple[str, ...] = ()


def evaluate(
    prediction: Path | str,
    reference: Path | str,
    *,
    images: Path | str | None = None,
    settings: EvaluationSettings = DEFAULT_EVALUATION,
    journal: Path | str | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> Evaluation:
    """Score one prediction, or every prediction of a folder.

    In folders, files belong together that have the same name before the suffix. One
    case that cannot be scored does not stop the others: it is listed, as is every
    prediction and every reference that is alone. So is every case that the model which
    predicted it was trained on.

    Args:
        prediction: A label map or a folder of them.
        reference: The same, or the folder of a dataset in decathlon (MSD) layout. The
            names of the labels, regions and the label to ignore come from a
            `dataset.json` in or above it, else names from the JSON beside each file.
        images: CT scan or a folder of them, named likewise: adds Hounsfield units. A
            CT dataset in decathlon layout brings its own. With `settings.model`, scans
            of any modality, to know them again.
        settings: Tolerances, lesions, workers. With several workers, call this under
            `if __name__ == "__main__":` when in a script.
        journal: File in which finished cases of folders are kept, and looked up when
            the same is asked again (see `journal_path`). It stays there.
        on_progress: Called after every case; may raise `Cancelled`.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE, EMPTY_FOLDER, INVALID_DATASET,
            DAMAGED_MODEL; NO_PAIRS when no name is in both folders; of one pair also
            whatever is wrong with it.
        WrongUse: INVALID_OPTION when one is a file and the others are folders, or a
            tolerance is for a structure that the dataset does not have; UNKNOWN_MODEL.
        Cancelled: From `on_progress`; the journal is kept.
    """
    prediction = Path(prediction)
    model = named_model(settings.model)
    pairs = pairs_of(
        prediction, Path(reference), None if images is None else Path(images)
    )
    _require_known_structures(settings, pairs)
    tasks = _tasks(pairs, settings, model)
    if not prediction.is_dir():
        outcome = _Outcome(scored=[scored_case(tasks[0])])
    else:
        kept_in = None if journal is None else Path(journal)
        asked = _asked(pairs, tasks[0])
        with _journal(kept_in, asked) as kept:
            outcome = _scored(tasks, settings.workers or 1, kept, on_progress)
    alone = Left(failed=outcome.failed, missing=pairs.missing, surplus=pairs.surplus)
    return gathered(outcome.scored, alone, settings, model, outcome.notes)


def _scored(
    tasks: Sequence[CaseTask],
    workers: int,
    journal: Journal | None,
    on_progress: ProgressCallback,
) -> _Outcome:
    """Score what the journal does not have, and add it there."""
    scored: list[ScoredCase] = []
    failed: list[FailedCase] = []
    waiting: list[CaseTask] = []
    for task in tasks:
        earlier = journal.earlier(task.files) if journal else None
        if earlier is None:
            waiting.append(task)
        else:
            scored.append(earlier)
    notes = _journal_notes(journal, len(scored), len(tasks))
    if scored:
        report = "taken from the journal"
        on_progress(
            Progress(stage="scoring", done=len(scored), total=len(tasks), note=report)
        )
    files = {task.files.case_id: task.files for task in waiting}
    results = each_result(scored_or_failed, waiting, min(workers, len(waiting) or 1))
    with closing(results):
        for result in results:
            if isinstance(result, ScoredCase):
                scored.append(result)
                case_id = result.scores.case_id
                if journal:
                    journal.add(files[case_id], result)
            else:
                failure = died_case(result.task) if isinstance(result, Died) else result
                failed.append(failure)
                case_id = failure.case_id
            done = len(scored) + len(failed)
            on_progress(
                Progress(stage="scoring", done=done, total=len(tasks), note=case_id)
            )
    return _Outcome(scored=scored, failed=failed, notes=notes)


def _tasks(
    pairs: Pairs, settings: EvaluationSettings, model: ModelInfo | None
) -> tuple[CaseTask, ...]:
    is_mr = model is not None and model.plan.channels != ("CT",)
    return tuple(
        CaseTask(
            files=files,
            described=pairs.described,
            has_ct=pairs.has_ct and not is_mr,
            tolerance_mm=settings.tolerance.mm,
            resample_reference=settings.resample_reference,
            lesions=settings.lesion_rules,
            needs_hash=model is not None,
        )
        for files in pairs.cases
    )


def _asked(pairs: Pairs, task: CaseTask) -> dict[str, object]:
    """All that the scores depend on besides the files, as JSON takes it."""
    tolerance_mm = task.tolerance_mm
    return {
        "tolerance_mm": dict(tolerance_mm)
        if isinstance(tolerance_mm, Mapping)
        else tolerance_mm,
        "resample_reference": task.resample_reference,
        "lesions": asdict(task.lesions),
        "has_ct": task.has_ct,
        "needs_hash": task.needs_hash,
        "labels": None
        if pairs.labels is None
        else [(each.id, each.name, each.kind) for each in pairs.labels],
        **_asked_beside_labels(pairs.described),
        "versions": dict(package_versions()),
    }


def _asked_beside_labels(described: DescribedLabels | None) -> dict[str, object]:
    """Regions and the label to ignore, where there are any."""
    if described is None:
        return {}
    regions = {"regions": [asdict(region) for region in described.regions]}
    ignored = {"ignore_id": described.ignore_id}
    return {
        **(regions if described.regions else {}),
        **(ignored if described.ignore_id is not None else {}),
    }


@contextmanager
def _journal(
    path: Path | None, asked: Mapping[str, object]
) -> Iterator[Journal | None]:
    if path is None:
        yield None
    else:
        with open_journal(path, asked) as journal:
            yield journal


def _journal_notes(journal: Journal | None, taken: int, total: int) -> tuple[str, ...]:
    if journal is not None and journal.is_restarted:
        return (
            "an earlier run had asked for something else; its journal was started anew",
        )
    if taken:
        return (f"{taken} of {total} cases were taken from the journal",)
    return ()


def _require_known_structures(settings: EvaluationSettings, pairs: Pairs) -> None:
    """Refuse a tolerance for a structure that the references do not have.

    Raises:
        WrongUse: INVALID_OPTION, with the structures there are.
    """
    tolerance_mm = settings.tolerance.mm
    if pairs.described is None or not isinstance(tolerance_mm, Mapping):
        return
    names = pairs.described.scored_names
    unknown = [name for name in tolerance_mm if name not in names]
    if unknown:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"no structure is called {', '.join(unknown)}",
            where="--tolerances",
            remedy=f"There are {', '.join(names)}.",
        )
