"""Folders of predictions -> a written study: what `medseg study` does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.evaluation import Evaluation
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.evaluation import (
    EvaluationSettings,
    evaluate,
    journal_path,
    remove_journal,
)
from medseg.evaluation.pairing import CaseFiles, Pairs, pairs_of
from medseg.evaluation.settings import DEFAULT_EVALUATION
from medseg.io.safe_writing import require_absent_folder
from medseg.study.alignment import require_columns
from medseg.study.cases import read_case_table
from medseg.study.compare import compare
from medseg.study.failures import PictureFiles, failures_of
from medseg.study.nouns import Study
from medseg.study.probabilities import Certainty, ProbabilityFiles, certainty_of
from medseg.study.reader_scoring import ReaderFiles
from medseg.study.readers import reader_findings, require_reader_names
from medseg.study.settings import DEFAULT_STUDY, StudySettings
from medseg.study.writing import write_study

REFERENCE = "reference"


@dataclass(frozen=True, kw_only=True)
class StudyFiles:
    """Where everything is.

    Attributes:
        reference: Folder of the references, or a dataset in decathlon layout.
        models: Folder of predictions of each model.
        images: Folder of the scans, for pictures.
        cases: Table of patients, centres and other columns.
        readers: Folders of further readers, beside the reference.
        probabilities: Folder of the probabilities of some models.
    """

    reference: Path
    models: Mapping[str, Path]
    images: Path | None = None
    cases: Path | None = None
    readers: Mapping[str, Path] = field(default_factory=dict)
    probabilities: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.models, *self.readers):
            if not name.strip() or set(name) & set('/\\:\0"<>|?*'):
                raise WrongUse(
                    ErrorCode.INVALID_OPTION,
                    f"{name!r} cannot be part of a file's name",
                    where="name of a model or reader",
                    remedy="Use letters, digits, spaces, dots, dashes.",
                )
        unknown = set(self.probabilities) - set(self.models)
        if unknown:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"there is no model {min(unknown)!r}",
                where="--probabilities",
                remedy=f"Use the names of the models: {', '.join(self.models)}.",
            )
        if self.readers:
            require_reader_names([*self.models], [REFERENCE, *self.readers])


def run_study(
    files: StudyFiles,
    out: Path | str,
    *,
    settings: StudySettings = DEFAULT_STUDY,
    scoring: EvaluationSettings = DEFAULT_EVALUATION,
    on_progress: ProgressCallback = ignore_progress,
) -> Study:
    """Score every model, compare them and write the study.

    Finished cases are kept beside the folder until the study is written, so that the
    same call goes on after an interruption.

    Args:
        files: Where everything is.
        out: Folder to make.
        settings: How models are compared.
        scoring: How cases are scored; `missed` is that of the settings.
        on_progress: Called after every case; may raise `Cancelled`.

    Raises:
        WrongUse: OUTPUT_EXISTS; INVALID_OPTION; UNKNOWN_MODEL.
        UnusableInput: NOT_FOUND, NOT_READABLE, NO_PAIRS, INVALID_DATASET ...; DISK_FULL
            or NOT_WRITABLE.
        Cancelled: From `on_progress`.
    """
    out = Path(out)
    require_absent_folder(out)
    table = None if files.cases is None else read_case_table(files.cases)
    require_columns(table, settings)
    scoring = replace(scoring, missed=settings.missed)
    pairs = {
        name: pairs_of(folder, files.reference, files.images)
        for name, folder in files.models.items()
    }
    evaluations = {
        name: _evaluated(name, files, out, scoring, on_progress)
        for name in files.models
    }
    study = compare(evaluations, cases=table, settings=settings)
    study = _with_readers(study, files, pairs, scoring, on_progress)
    study = _with_certainty(study, files, pairs, on_progress)
    described = next(iter(pairs.values())).described
    pictures = PictureFiles(
        files={name: _by_case(each) for name, each in pairs.items()},
        described=described,
    )
    write_study(study, out, failures=tuple(failures_of(study, pictures)))
    for name in files.models:
        remove_journal(_table(out, name))
    return study


def _evaluated(
    name: str,
    files: StudyFiles,
    out: Path,
    scoring: EvaluationSettings,
    on_progress: ProgressCallback,
) -> Evaluation:
    def named(progress: Progress) -> None:
        on_progress(replace(progress, stage=f"{progress.stage} {name}"))

    return evaluate(
        files.models[name],
        files.reference,
        images=files.images if scoring.model else None,
        settings=scoring,
        journal=journal_path(_table(out, name)),
        on_progress=named,
    )


def _with_readers(
    study: Study,
    files: StudyFiles,
    pairs: Mapping[str, Pairs],
    scoring: EvaluationSettings,
    on_progress: ProgressCallback,
) -> Study:
    if not files.readers:
        return study
    references = {c.case_id: c.reference for p in pairs.values() for c in p.cases}
    readers = {REFERENCE: references}
    for name, folder in files.readers.items():
        readers[name] = _predictions(pairs_of(folder, files.reference, None))
    found = reader_findings(
        study,
        ReaderFiles(
            readers=readers,
            models={name: _predictions(each) for name, each in pairs.items()},
            described=next(iter(pairs.values())).described,
        ),
        settings=scoring,
        on_progress=on_progress,
    )
    return replace(
        study,
        readers=found.agreements,
        remarks=(*study.remarks, *found.remarks),
    )


def _with_certainty(
    study: Study,
    files: StudyFiles,
    pairs: Mapping[str, Pairs],
    on_progress: ProgressCallback,
) -> Study:
    found: dict[str, Certainty] = {}
    for name, folder in files.probabilities.items():
        where = ProbabilityFiles(
            model=name,
            folder=folder,
            predictions=_predictions(pairs[name]),
            references={case.case_id: case.reference for case in pairs[name].cases},
            described=pairs[name].described,
        )
        found[name] = certainty_of(study, where, on_progress)
    remarks = [remark for each in found.values() for remark in each.remarks]
    return replace(
        study,
        calibrations=tuple(c for each in found.values() for c in each.calibrations),
        risks=tuple(r for each in found.values() for r in each.risks),
        remarks=(*study.remarks, *remarks),
    )


def _by_case(pairs: Pairs) -> dict[str, CaseFiles]:
    return {case.case_id: case for case in pairs.cases}


def _predictions(pairs: Pairs) -> dict[str, Path]:
    return {case.case_id: case.prediction for case in pairs.cases}


def _table(out: Path, model: str) -> Path:
    """What the journal of one model is named after."""
    return out.with_name(f"{out.name}.{model}")
