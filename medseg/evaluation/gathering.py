"""The scores of single cases -> an evaluation of them all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medseg.core.evaluation import Evaluation, FailedCase
from medseg.core.model_info import ModelInfo
from medseg.core.scores import Scores
from medseg.evaluation.completing import with_every_structure
from medseg.evaluation.leakage import leakage_of
from medseg.evaluation.scoring import ScoredCase
from medseg.evaluation.settings import EvaluationSettings


@dataclass(frozen=True, kw_only=True)
class Left:
    """Cases without scores.

    Attributes:
        failed: Those that could not be read or compared.
        missing: References without a prediction.
        surplus: Predictions without a reference.
    """

    failed: Sequence[FailedCase] = ()
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()


def gathered(
    scored: Sequence[ScoredCase],
    left: Left,
    settings: EvaluationSettings,
    model: ModelInfo | None,
    notes: tuple[str, ...] = (),
) -> Evaluation:
    """All cases by ascending name, each with a row for every structure of any case.

    Args:
        scored: In any order.
        left: Cases without scores.
        settings: How they were compared.
        model: What predicted, where that was said, to tell cases it was trained on.
        notes: What to know about the whole.
    """
    scored = sorted(scored, key=lambda case: case.scores.case_id)
    leakage = leakage_of(scored, model)
    cases = with_every_structure([case.scores for case in scored])
    caution = settings.tolerance.caution
    return Evaluation(
        cases=cases,
        missing=left.missing,
        surplus=left.surplus,
        failed=tuple(sorted(left.failed, key=lambda case: case.case_id)),
        trained_on=leakage.trained_on,
        when_missed=settings.missed,
        settings=(*settings.listed, *((("model", model.name),) if model else ())),
        notes=(
            *notes,
            *((caution,) if caution else ()),
            *_unused_tolerances(settings, cases),
            *leakage.notes,
        ),
    )


def _unused_tolerances(
    settings: EvaluationSettings, cases: Sequence[Scores]
) -> tuple[str, ...]:
    tolerance_mm = settings.tolerance.mm
    if not isinstance(tolerance_mm, Mapping):
        return ()
    names = {row.structure for case in cases for row in case.rows}
    return tuple(
        f"no case has a structure {name!r}; its tolerance was not used"
        for name in tolerance_mm
        if name not in names
    )
