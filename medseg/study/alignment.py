"""Which cases, structures and patients the models of a study have in common."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.evaluation import Evaluation
from medseg.core.scores import MaskState, Scores
from medseg.metrics import plain_name
from medseg.study.cases import CaseTable, Excluded, StudyCase
from medseg.study.settings import StudySettings


def common_cases(
    evaluations: Mapping[str, Evaluation],
) -> tuple[tuple[str, ...], tuple[Excluded, ...]]:
    """Cases that every model has, and why the others are left out.

    Raises:
        UnusableInput: INVALID_DATASET when a model has a case twice; NO_PAIRS when no
            case is left.
    """
    everything: dict[str, None] = {}
    scored: dict[str, set[str]] = {}
    for name, evaluation in evaluations.items():
        ids = [case.case_id for case in evaluation.cases]
        scored[name] = set(ids)
        if len(scored[name]) < len(ids):
            twice = next(case_id for case_id in ids if ids.count(case_id) > 1)
            raise UnusableInput(
                ErrorCode.INVALID_DATASET,
                f"{name} has scores of {twice} twice",
                where=name,
                remedy="Keep one score a case.",
            )
        everything |= dict.fromkeys(ids)
        everything |= dict.fromkeys(evaluation.missing)
        everything |= dict.fromkeys(failed.case_id for failed in evaluation.failed)
    excluded = []
    for case_id in sorted(everything):
        for name, evaluation in evaluations.items():
            if case_id not in scored[name]:
                why = _why_absent(case_id, evaluation)
                excluded.append(Excluded(case_id=case_id, model=name, why=why))
    left_out = {each.case_id for each in excluded}
    common = tuple(case_id for case_id in sorted(everything) if case_id not in left_out)
    if not common:
        raise UnusableInput(
            ErrorCode.NO_PAIRS,
            f"no case was scored for all of {', '.join(evaluations)}",
            where="models",
            remedy="Give predictions of the same cases, named as the references are.",
        )
    return common, tuple(excluded)


def _why_absent(case_id: str, evaluation: Evaluation) -> str:
    for failed in evaluation.failed:
        if failed.case_id == case_id:
            return failed.what
    return "no prediction" if case_id in evaluation.missing else "no score"


def named_alike(
    scores: Mapping[str, tuple[Scores, ...]],
) -> dict[str, tuple[Scores, ...]]:
    """The scores, one structure named in the same words for all cases and models.

    A mere number ("label 1", from maps that name nothing) takes the name that another
    case or model has for it; names that differ in capitals and spaces only become the
    first of them. Other names stay as they are.
    """
    chosen = _chosen_names(scores)

    def name(label: int, structure: str) -> str:
        plain, known = plain_name(structure), chosen.get(label, structure)
        return known if plain in ("", plain_name(known)) else structure

    return {
        model: tuple(
            replace(
                case,
                rows=tuple(
                    replace(row, structure=name(row.label, row.structure))
                    for row in case.rows
                ),
                lesions=tuple(
                    replace(each, structure=name(each.label, each.structure))
                    for each in case.lesions
                ),
            )
            for case in cases
        )
        for model, cases in scores.items()
    }


def about_unnamed(scores: Mapping[str, tuple[Scores, ...]]) -> Iterator[str]:
    """A sentence for each number of a model that takes a name from elsewhere."""
    chosen = _chosen_names(scores)
    for model, cases in scores.items():
        rows = [row for case in cases for row in case.rows]
        unnamed = {row.label for row in rows if not plain_name(row.structure)}
        for label in sorted(unnamed):
            if plain_name(chosen[label]):
                yield (
                    f"Maps of {model} do not name label {label}, which is taken for "
                    f"{chosen[label]}; lesions were not counted in them, and no "
                    "tolerance by name was used."
                )


def _chosen_names(scores: Mapping[str, tuple[Scores, ...]]) -> dict[int, str]:
    """By label the first name that is more than a number, where there is one."""
    rows = [row for cases in scores.values() for case in cases for row in case.rows]
    chosen: dict[int, str] = {}
    for row in sorted(rows, key=lambda each: not plain_name(each.structure)):
        chosen.setdefault(row.label, row.structure)
    return chosen


def structures_of(scores: Mapping[str, tuple[Scores, ...]]) -> tuple[str, ...]:
    """Names by ascending label.

    Raises:
        UnusableInput: LABEL_MISMATCH when a label has two names or a name two labels.
    """
    names: dict[int, str] = {}
    for model, cases in scores.items():
        for case in cases:
            for row in case.rows:
                if names.setdefault(row.label, row.structure) != row.structure:
                    raise UnusableInput(
                        ErrorCode.LABEL_MISMATCH,
                        f"label {row.label} is {names[row.label]} in one case and "
                        f"{row.structure} in another",
                        where=f"{case.case_id} of {model}",
                        remedy="Score all models against the same references.",
                    )
    if len(set(names.values())) < len(names):
        raise UnusableInput(
            ErrorCode.LABEL_MISMATCH,
            "one name stands for two labels",
            where="references",
            remedy="Give each label a name of its own.",
        )
    return tuple(names[label] for label in sorted(names))


def require_same_references(scores: Mapping[str, tuple[Scores, ...]]) -> None:
    """Refuse models that were not scored against the same references.

    Volumes of the reference tell, but for cases whose reference was resampled, and so
    do tolerances.

    Args:
        scores: By model, of the same cases in the same order.

    Raises:
        UnusableInput: INVALID_DATASET, with the first case and structure.
    """
    first_model, first = next(iter(scores.items()))
    for model, cases in scores.items():
        for ours, theirs in zip(first, cases, strict=True):
            for what, structure in _disagreements(ours, theirs):
                raise UnusableInput(
                    ErrorCode.INVALID_DATASET,
                    f"{first_model} and {model} were scored with different {what} of "
                    f"{structure}",
                    where=ours.case_id,
                    remedy="Score all models against the same references, with the "
                    "same tolerances and names.",
                )


def _disagreements(ours: Scores, theirs: Scores) -> Iterator[tuple[str, str]]:
    is_resampled = any("resampled" in note for note in (*ours.notes, *theirs.notes))
    others = {row.label: row for row in theirs.rows}
    for row in ours.rows:
        other = others.get(row.label)
        if other is None or MaskState.BOTH_EMPTY in (row.state, other.state):
            continue
        volumes = row.reference_volume_ml, other.reference_volume_ml
        if not is_resampled and not math.isclose(*volumes, rel_tol=1e-6):
            yield "references", row.structure
        if row.tolerance_mm != other.tolerance_mm:
            yield "tolerances", row.structure


def study_cases(
    ids: Sequence[str], table: CaseTable | None, settings: StudySettings
) -> tuple[StudyCase, ...]:
    """The cases with their patients, centres and other columns.

    Raises:
        WrongUse: INVALID_OPTION when columns are asked for that the table lacks.
        UnusableInput: INVALID_DATASET when it lacks a case.
    """
    require_columns(table, settings)
    if table is None:
        return tuple(StudyCase(case_id=i, patient=i, stratum="") for i in ids)
    table.require(settings.columns, ids)
    return tuple(
        StudyCase(
            case_id=case_id,
            patient=table.rows[case_id][settings.patient]
            if settings.patient
            else case_id,
            stratum=table.rows[case_id][settings.centre] if settings.centre else "",
            columns=tuple((name, table.rows[case_id][name]) for name in table.columns),
        )
        for case_id in ids
    )


def require_columns(table: CaseTable | None, settings: StudySettings) -> None:
    """Refuse, before any case is scored, columns that are not there.

    Raises:
        WrongUse: INVALID_OPTION, with the columns there are.
    """
    if table is not None:
        table.require(settings.columns, ())
    elif settings.columns:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"columns are asked for ({', '.join(settings.columns)}) but no table",
            where="cases",
            remedy="Give the table of cases, too.",
        )
