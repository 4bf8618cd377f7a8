"""A model's quality scores: what its `quality.json` holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from medseg.core.quality import QualityModel
from medseg.core.selective import auroc_of_poor, rank_correlation, risk_coverage
from medseg.core.text_table import aligned, number
from medseg.core.uncertainty import StructureUncertainty

QUALITY_FIGURES = ("single_expected_dice", "single_entropy")
"""What scores that a model carries are made of: figures of a network by itself.

An ensemble has them as the mean over its networks, and so a score that was fitted to
networks one by one, in cross-validation, can be asked about all of them together.
"""

_TELLING = ("overlap", "mirror")  # settings that change how sure a network is


@dataclass(frozen=True, kw_only=True)
class QualityResult:
    """What a structure's predicted Dice was worth, on cases held out from the score.

    Attributes:
        structure: Name.
        cases: In which it was found, and is predicted: all figures but `not_found` are
            of these.
        mean_dice: Of them.
        rank_correlation: Spearman's, of predicted Dice with Dice; None where one of
            them never differs.
        mean_absolute_error: Of predicted Dice.
        aurc: Area under the risk-coverage curve (`RiskCoverage`).
        excess_aurc: Above the oracle's.
        random_aurc: Of an order by chance.
        poor_below: Dice below which a case is called poor.
        poor: How many are.
        auroc_of_poor: Chance that a poor case is predicted lower than another; None
            where none is poor, or all are.
        not_found: Further cases in which the reference has it and nothing was found:
            Dice is 0, and none is predicted. Not counted by earlier versions.
    """

    structure: str
    cases: int
    mean_dice: float
    rank_correlation: float | None
    mean_absolute_error: float
    aurc: float
    excess_aurc: float
    random_aurc: float
    poor_below: float
    poor: int
    auroc_of_poor: float | None
    not_found: int = 0


@dataclass(frozen=True, kw_only=True)
class ModelQuality:
    """The scores of a model's structures, and what they are worth.

    Attributes:
        scores: One a structure that was found in enough cases.
        results: Likewise.
        model_sha256: Hash over the weights of the model they belong to.
        dataset: Name of the one they were fitted to.
        settings: How the networks were run, name and value.
        schema_version: Of this description.
    """

    scores: tuple[QualityModel, ...]
    results: tuple[QualityResult, ...]
    model_sha256: str
    dataset: str
    settings: tuple[tuple[str, str], ...] = ()
    schema_version: int = 1

    def judged(
        self, structures: Sequence[StructureUncertainty]
    ) -> tuple[StructureUncertainty, ...]:
        """The same with the Dice to expect, where there is a score for it.

        A structure that all networks together find and none by itself has none.
        """
        scores = {each.structure: each for each in self.scores}
        return tuple(
            replace(each, predicted_dice=score.predicted_dice(each))
            if (score := scores.get(each.structure)) and score.has_all_of(each)
            else each
            for each in structures
        )

    def differing(self, settings: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """In what a run differs from those that the scores were fitted to.

        Args:
            settings: Of the run, name and value.
        """
        own = dict(self.settings)
        return tuple(
            f"{name} {own[name]}, not {value}"
            for name, value in settings
            if name in _TELLING and own.get(name, value) != value
        )

    def table(self) -> str:
        """The results as plain text, columns aligned."""
        below = f"AUROC<{self.results[0].poor_below:g}" if self.results else "AUROC"
        header = [
            *("structure", "cases", "not_found", "mean_dice", "spearman", "MAE"),
            *("AURC", "excess", "by_chance", "poor", below),
        ]
        lines = [
            [
                *(each.structure, str(each.cases), str(each.not_found)),
                *(number(each.mean_dice, 3), number(each.rank_correlation, 3)),
                *(number(each.mean_absolute_error, 4), number(each.aurc, 4)),
                *(number(each.excess_aurc, 4), number(each.random_aurc, 4)),
                *(str(each.poor), number(each.auroc_of_poor, 3)),
            ]
            for each in self.results
        ]
        return aligned(header, lines, left=1)


def quality_result(
    structure: str,
    predicted: Sequence[float],
    dice: Sequence[float],
    poor_below: float,
    not_found: int = 0,
) -> QualityResult:
    """What predictions of one structure are worth.

    Args:
        structure: Name.
        predicted: Of each case, by a score that was fitted without it.
        dice: What came out.
        poor_below: Dice below which a case is poor.
        not_found: Cases without a prediction, as nothing was found.

    Raises:
        ValueError: For no cases.
    """
    curve = risk_coverage(predicted, dice)
    errors = [abs(a - b) for a, b in zip(predicted, dice, strict=True)]
    return QualityResult(
        structure=structure,
        cases=len(dice),
        mean_dice=sum(dice) / len(dice),
        rank_correlation=rank_correlation(predicted, dice),
        mean_absolute_error=sum(errors) / len(errors),
        aurc=curve.aurc,
        excess_aurc=curve.excess_aurc,
        random_aurc=curve.random_aurc,
        poor_below=poor_below,
        poor=sum(each < poor_below for each in dice),
        auroc_of_poor=auroc_of_poor(predicted, dice, poor_below),
        not_found=not_found,
    )
