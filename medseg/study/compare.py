"""Scores of several models -> a study: the public `medseg.compare`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.evaluation import Evaluation
from medseg.core.scores import Scores
from medseg.study.alignment import (
    about_unnamed,
    common_cases,
    named_alike,
    require_same_references,
    structures_of,
    study_cases,
)
from medseg.study.cases import CaseTable
from medseg.study.findings import Findings
from medseg.study.nouns import Study
from medseg.study.remarks import remarks_on
from medseg.study.settings import DEFAULT_STUDY, StudySettings
from medseg.study.statistics.bootstrap import Resampling
from medseg.study.statistics.design import Design


def compare(
    models: Mapping[str, Evaluation | Sequence[Scores]],
    *,
    cases: CaseTable | None = None,
    settings: StudySettings = DEFAULT_STUDY,
) -> Study:
    """Statistics of one model or several on the same cases.

    Compared are the cases that every model has scores for; the others are listed with
    the reason, and so are cases that a model was trained on. Intervals come from
    drawing patients within centres (BCa bootstrap); differences are paired.

    Args:
        models: Scores by name, from `score` or `evaluate`.
        cases: Patients, centres and other columns; without it each case is a patient.
        settings: Measures, margin, columns, intervals.

    Raises:
        WrongUse: INVALID_OPTION when there is no model, or a column is asked for that
            the table does not have.
        UnusableInput: NO_PAIRS when no case was scored for all models; INVALID_DATASET
            when the table lacks a case or models were scored against different
            references; LABEL_MISMATCH when one label has two names.
    """
    if not models:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "there is no model to study",
            where="models",
            remedy="Give one or more as NAME=PREDICTIONS.",
        )
    evaluations = {name: _evaluation(each) for name, each in models.items()}
    ids, excluded = common_cases(evaluations)
    as_scored = {
        name: _in_order(evaluation, ids) for name, evaluation in evaluations.items()
    }
    scores = named_alike(as_scored)
    require_same_references(scores)
    known = study_cases(ids, cases, settings)
    design = Design(
        patients=tuple(case.patient for case in known),
        strata=tuple(case.stratum for case in known),
    )
    found = Findings.of(
        scores,
        structures_of(scores),
        known,
        settings,
        Resampling.of(design, settings.bootstrap),
    )
    study = Study(
        models=tuple(models),
        structures=found.structures,
        cases=known,
        excluded=excluded,
        scores=scores,
        settings=settings,
        summaries=tuple(found.summaries()),
        comparisons=found.comparisons(),
        rankings=tuple(found.rankings()),
        volumes=tuple(found.volumes()),
        subgroups=tuple(found.subgroups()),
        detections=tuple(found.detections()),
        worst=tuple(found.worst()),
        trained_on={name: each.trained_on for name, each in evaluations.items()},
        scoring=next(iter(evaluations.values())).settings,
    )
    notes = dict.fromkeys(note for each in evaluations.values() for note in each.notes)
    remarks = *remarks_on(study), *about_unnamed(as_scored), *map(_sentence, notes)
    return replace(study, remarks=remarks)


def _evaluation(scores: Evaluation | Sequence[Scores]) -> Evaluation:
    if isinstance(scores, Evaluation):
        return scores
    return Evaluation(cases=tuple(scores))


def _in_order(evaluation: Evaluation, ids: Sequence[str]) -> tuple[Scores, ...]:
    by_case = {case.case_id: case for case in evaluation.cases}
    return tuple(by_case[case_id] for case_id in ids)


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."
