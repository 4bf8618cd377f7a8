"""Scores fitted to what was observed, each case judged by one fitted without it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from medseg.core.model_quality import QUALITY_FIGURES, QualityResult, quality_result
from medseg.core.quality import (
    FEWEST_CASES,
    QualityModel,
    QualityObservation,
    fit_quality,
    held_out_quality,
)
from medseg.core.selective import RiskCoverage, risk_coverage
from medseg.core.uncertainty import StructureUncertainty
from medseg.quality.observing import CaseQuality
from medseg.training.splits import FOLD_COUNT


@dataclass(frozen=True, kw_only=True)
class JudgedCase:
    """One structure of one case.

    Attributes:
        case_id: Name of the case.
        network: Which looked at it; -1 for all together.
        observed: Its uncertainty and Dice.
        predicted_dice: By a score that was fitted without it; None where the structure
            was found nowhere.
    """

    case_id: str
    network: int
    observed: QualityObservation
    predicted_dice: float | None


@dataclass(frozen=True, kw_only=True)
class JudgedStructure:
    """One structure's score, and what it is worth.

    Attributes:
        score: Fitted to all cases.
        cases: By ascending id, each judged by a score that was fitted without it.
    """

    score: QualityModel
    cases: tuple[JudgedCase, ...]

    @property
    def predicted(self) -> tuple[tuple[float, float], ...]:
        """Predicted Dice and Dice, of the cases in which it was found."""
        return tuple(
            (each.predicted_dice, each.observed.dice)
            for each in self.cases
            if each.predicted_dice is not None
        )

    @property
    def not_found(self) -> int:
        """Cases whose reference has it and in which nothing was found."""
        return sum(not each.observed.found.voxels for each in self.cases)

    @property
    def curve(self) -> RiskCoverage:
        """Of the held-out predictions."""
        predicted, dice = zip(*self.predicted, strict=True)
        return risk_coverage(predicted, dice)

    def result(self, poor_below: float) -> QualityResult:
        """What the held-out predictions are worth.

        Args:
            poor_below: Dice below which a case is poor.
        """
        predicted, dice = zip(*self.predicted, strict=True)
        name = self.score.structure
        return quality_result(name, predicted, dice, poor_below, self.not_found)


def judged_structure(
    structure: str, cases: Sequence[CaseQuality]
) -> JudgedStructure | None:
    """Fit a score; None where there are too few cases.

    Cases are held out with all others of the network that looked at them, or every
    fifth at a time where one looked at all.

    Args:
        structure: Name.
        cases: What was observed.
    """
    own = [
        (case, each)
        for case in cases
        for each in case.observations
        if each.found.structure == structure and _is_whole(each.found)
    ]
    parts = _parts([case.network for case, _ in own])
    observed = [each for _, each in own]
    found = [n for n, each in zip(parts, observed, strict=True) if each.found.voxels]
    if _left(found) < FEWEST_CASES:
        return None
    predicted = held_out_quality(observed, parts, QUALITY_FIGURES)
    return JudgedStructure(
        score=fit_quality(observed, QUALITY_FIGURES),
        cases=tuple(
            JudgedCase(
                case_id=case.case_id,
                network=case.network,
                observed=each,
                predicted_dice=dice,
            )
            for (case, each), dice in zip(own, predicted, strict=True)
        ),
    )


def are_too_few(networks: Sequence[int]) -> bool:
    """Whether no score could be fitted, even if every case had every structure.

    Args:
        networks: Who is asked about each case; -1 for all together.
    """
    return _left(_parts(networks)) < FEWEST_CASES


def _left(parts: Sequence[int]) -> int:
    """Cases that are left when those of the largest part are held out."""
    return len(parts) - max(Counter(parts).values(), default=0)


def _is_whole(found: StructureUncertainty) -> bool:
    """Whether a score can be asked: some network by itself found what all did."""
    return not found.voxels or found.single_expected_dice is not None


def _parts(networks: Sequence[int]) -> Sequence[int]:
    """What each case is held out with."""
    if _left(networks) >= FEWEST_CASES:
        return networks
    return [place % FOLD_COUNT for place in range(len(networks))]
