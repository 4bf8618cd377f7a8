"""Several readers as references: how well they agree, and the models with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.metric import Metric
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.core.scores import Scores
from medseg.evaluation.settings import DEFAULT_EVALUATION, EvaluationSettings
from medseg.study.nouns import Study
from medseg.study.reader_scoring import CONSENSUS, ReaderFiles, score_pairs
from medseg.study.results import ALL_STRUCTURES, ReaderAgreement
from medseg.study.statistics.bootstrap import Resampling, structure_mean_interval
from medseg.study.statistics.design import Design

Table = Float64[np.ndarray, "case structure"]


@dataclass(frozen=True, kw_only=True)
class ReaderFindings:
    """What comparing with several readers gives.

    Attributes:
        agreements: Readers with one another, models with each reader, models with the
            consensus.
        remarks: Label maps that are missing or could not be compared.
    """

    agreements: tuple[ReaderAgreement, ...]
    remarks: tuple[str, ...]


def reader_findings(
    study: Study,
    files: ReaderFiles,
    *,
    settings: EvaluationSettings = DEFAULT_EVALUATION,
    on_progress: ProgressCallback = ignore_progress,
) -> ReaderFindings:
    """Agreement of readers with one another, and of models with each and all of them.

    A pair is compared on those of the study's cases that both have; the consensus is
    made of the cases that all readers have (see `majority_of`).

    Args:
        study: Gives cases, structures, measures and settings of the intervals.
        files: Where the label maps are.
        settings: Tolerances and workers, as the models were scored with.
        on_progress: Called after every comparison; may raise `Cancelled`.

    Raises:
        WrongUse: INVALID_OPTION below two readers, or when a name stands for two.
        Cancelled: From `on_progress`.
    """
    require_reader_names(list(files.models), list(files.readers))
    cases = [case.case_id for case in study.cases]
    found = score_pairs(files, cases, settings, on_progress)
    return ReaderFindings(
        agreements=tuple(_agreements(found.scores, study)),
        remarks=(*_lacking(files, cases), *found.failures),
    )


def require_reader_names(models: Sequence[str], readers: Sequence[str]) -> None:
    """Refuse names by which two could not be told apart.

    Raises:
        WrongUse: INVALID_OPTION below two readers, or when a name stands for two.
    """
    taken = [*models, *readers, CONSENSUS]
    twice = sorted({name for name in taken if taken.count(name) > 1})
    if len(readers) < 2 or twice:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"{twice[0]!r} stands for two" if twice else "readers are two or more",
            where="readers",
            remedy="Give each reader and each model a name of its own.",
        )


def _lacking(files: ReaderFiles, cases: Sequence[str]) -> Iterator[str]:
    for name, maps in files.readers.items():
        lacking = [case for case in cases if case not in maps]
        if lacking:
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            yield (
                f"{name} has read {len(cases) - len(lacking)} of {len(cases)} cases; "
                f"comparisons with {name} and with the consensus leave out "
                f"{', '.join(lacking[:3])}{more}."
            )


def _agreements(
    scores: Mapping[tuple[str, str], Mapping[str, Scores]], study: Study
) -> Iterator[ReaderAgreement]:
    design = Design(
        patients=tuple(case.patient for case in study.cases),
        strata=tuple(case.stratum for case in study.cases),
    )
    resampling = Resampling.of(design, study.settings.bootstrap)
    for (first, second), by_case in scores.items():
        for metric in study.settings.all_metrics:
            table = _table(by_case, study, metric)
            for structure, part in _parts(table, study.structures):
                yield ReaderAgreement(
                    first=first,
                    second=second,
                    structure=structure,
                    metric=metric.name,
                    mean=structure_mean_interval(part, resampling),
                )


def _table(by_case: Mapping[str, Scores], study: Study, metric: Metric) -> Table:
    """What means count; not a number where a case or a value is missing.

    Structures go by their number: a reader's files may not name them.
    """
    places = {
        row.label: study.structures.index(row.structure)
        for cases in study.scores.values()
        for case in cases
        for row in case.rows
    }
    table = np.full((len(study.cases), len(study.structures)), np.nan)
    for number, case in enumerate(study.cases):
        for row in by_case[case.case_id].rows if case.case_id in by_case else ():
            value = row.counted(metric, study.settings.missed)
            if value is not None and row.label in places:
                table[number, places[row.label]] = value
    return table


def _parts(table: Table, structures: Sequence[str]) -> Iterator[tuple[str, Table]]:
    """Each structure that has a value, and all together where there are several."""
    for place, structure in enumerate(structures):
        if not np.isnan(table[:, place]).all():
            yield structure, table[:, [place]]
    if len(structures) > 1 and not np.isnan(table).all():
        yield ALL_STRUCTURES, table
