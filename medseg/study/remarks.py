"""Sentences that a reader of the figures must know."""

from collections.abc import Iterator

from medseg.study.nouns import Study
from medseg.study.statistics.sample_size import sample_size_remark


def remarks_on(study: Study) -> Iterator[str]:
    """What limits the study, the gravest first."""
    for model, cases in study.trained_on.items():
        seen = [case.case_id for case in study.cases if case.case_id in cases]
        if seen:
            yield (
                f"{model} was trained on {_cases(len(seen))} of those scored "
                f"({_some(seen)}): its scores there do not count as validation."
            )
    if study.excluded:
        ids = sorted({each.case_id for each in study.excluded})
        yield (
            f"{_cases(len(ids))} could not be compared for all models and "
            f"{'is' if len(ids) == 1 else 'are'} left out: {_some(ids)}."
        )
    yield from _about_missed(study)
    yield from _about_size(study)
    if study.settings.patient is None:
        yield (
            "No patients were named: each case counts as a patient of its own. Where a "
            "patient has several cases, intervals are too narrow."
        )


def _about_missed(study: Study) -> Iterator[str]:
    rows = [
        row for cases in study.scores.values() for case in cases for row in case.rows
    ]
    states = [str(row.state) for row in rows]
    missed, spurious = (
        states.count(state) for state in ("prediction_empty", "reference_empty")
    )
    if missed or spurious:
        yield (
            f"Over all models {_structures(missed)} missed and {spurious} found "
            "where the reference has none. They count as 0 in overlap measures; "
            f"distances follow the rule {study.settings.missed.value!r}."
        )


def _about_size(study: Study) -> Iterator[str]:
    primary = [
        each
        for each in study.summaries
        if each.metric == study.settings.primary and each.sd is not None
    ]
    if primary:
        widest = max(primary, key=lambda each: each.sd or 0)
        is_share = study.settings.primary_metric.unit == ""
        remark = sample_size_remark(widest.mean, widest.sd if is_share else None)
        if remark is not None:
            yield remark


def _structures(count: int) -> str:
    return "1 structure was" if count == 1 else f"{count} structures were"


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def _some(ids: list[str]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(ids[:3]) + more
