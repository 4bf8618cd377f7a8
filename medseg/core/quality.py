"""How good a structure's outline probably is, told without a reference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.uncertainty import StructureUncertainty

FEWEST_CASES = 10
_ALL = (
    "expected_dice",
    "mean_entropy",
    "mean_disagreement",
    "mean_mirror_variance",
    "network_dice",
)
_SAME = 1e-9


@dataclass(frozen=True, kw_only=True)
class QualityObservation:
    """What a model felt about a structure, and how right it was.

    Attributes:
        found: Its uncertainty, in a case that it has not been trained on.
        dice: With the reference, 0 to 1.
    """

    found: StructureUncertainty
    dice: float


@dataclass(frozen=True, kw_only=True)
class QualityModel:
    """Dice of one structure as a linear function of its uncertainty.

    Attributes:
        structure: Name.
        features: Names of the figures of `StructureUncertainty` that it takes.
        weights: Of each.
        intercept: Dice where all are 0.
        cases: How many it was fitted to.
        residual_sd: Standard deviation of Dice around it, in those cases.
    """

    structure: str
    features: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float
    cases: int
    residual_sd: float

    def has_all_of(self, found: StructureUncertainty) -> bool:
        """Whether the figures that it takes are known of a structure."""
        return not np.isnan(_features_of(found, self.features)).any()

    def predicted_dice(self, found: StructureUncertainty) -> float | None:
        """Dice to expect, 0 to 1; None where the structure was found nowhere.

        Raises:
            WrongUse: INVALID_OPTION for another structure, or one whose uncertainty
                lacks a figure.
        """
        if found.structure != self.structure:
            raise _misused(
                f"a quality score of {self.structure} is asked for {found.structure}"
            )
        if not found.voxels:
            return None
        figures = _features_of(found, self.features)
        if np.isnan(figures).any():
            raise _misused(f"the score needs {', '.join(self.features)}")
        dice = self.intercept + float(figures @ np.array(self.weights))
        return min(max(dice, 0.0), 1.0)


def fit_quality(
    observations: Sequence[QualityObservation], figures: Sequence[str] = _ALL
) -> QualityModel:
    """Fit a quality score by least squares, on cases that the model has not seen.

    It takes those of the figures that all cases have and that differ between them.
    Cases in which the structure was found nowhere are left out.

    Args:
        observations: Of one structure. A score that is fitted to cases that the model
            was trained on promises too much: take out-of-fold predictions, and mind
            that one network by itself is less sure of itself than an ensemble.
        figures: Names of those of `StructureUncertainty` it may take; otherwise the
            expected Dice, the mean entropy and disagreement, the mean variance over
            mirrored copies and the Dice between networks.

    Raises:
        WrongUse: INVALID_OPTION for fewer than 10 cases, or several structures.
    """
    return _fitted(observations, _there(observations, figures))


def _there(
    observations: Sequence[QualityObservation], figures: Sequence[str]
) -> tuple[str, ...]:
    """The figures that all cases have in which the structure was found."""
    used = [each for each in observations if each.found.voxels]
    rows = np.array([_features_of(each.found, figures) for each in used])
    is_there = ~np.isnan(rows.reshape(-1, len(figures))).any(axis=0)
    return tuple(name for name, there in zip(figures, is_there, strict=True) if there)


def _fitted(
    observations: Sequence[QualityObservation], features: tuple[str, ...]
) -> QualityModel:
    used = [each for each in observations if each.found.voxels]
    structures = sorted({each.found.structure for each in used})
    if len(used) < FEWEST_CASES or len(structures) > 1:
        raise _misused(
            f"a quality score is fitted to {FEWEST_CASES} cases or more of one "
            f"structure, got {len(used)} of {len(structures)}"
        )
    figures = np.stack([_features_of(each.found, features) for each in used])
    dice = np.array([each.dice for each in used])
    centre, scale = figures.mean(axis=0), figures.std(axis=0)
    differs = scale > _SAME
    names = [name for name, kept in zip(features, differs, strict=True) if kept]
    centre, scale = centre[differs], scale[differs]
    standard = (figures[:, differs] - centre) / scale
    weights = np.linalg.lstsq(standard, dice - dice.mean(), rcond=None)[0]
    residuals = dice - dice.mean() - standard @ weights
    return QualityModel(
        structure=structures[0],
        features=tuple(names),
        weights=tuple((weights / scale).tolist()),
        intercept=float(dice.mean() - centre @ (weights / scale)),
        cases=len(used),
        residual_sd=float(residuals.std()),
    )


def held_out_quality(
    observations: Sequence[QualityObservation],
    parts: int | Sequence[int] = 5,
    figures: Sequence[str] = _ALL,
) -> tuple[float | None, ...]:
    """Dice predicted for each case by a score that was fitted to the other parts.

    What a score is worth is told by these, and not by the cases it was fitted to.

    Args:
        observations: Of one structure.
        parts: How many, every such case being in the same part; or the part that each
            case is in, as the number of the network that held it out.
        figures: As in `fit_quality`.

    Raises:
        WrongUse: As `fit_quality`.
    """
    count = len(observations)
    of_case = [n % parts for n in range(count)] if isinstance(parts, int) else parts
    predicted: list[float | None] = [None] * count
    features = _there(observations, figures)
    for part in sorted(set(of_case)):
        others = [
            e for e, own in zip(observations, of_case, strict=True) if own != part
        ]
        score = _fitted(others, features)
        for place, own in enumerate(of_case):
            if own == part:
                predicted[place] = score.predicted_dice(observations[place].found)
    return tuple(predicted)


def _features_of(
    found: StructureUncertainty, names: Sequence[str]
) -> Float64[np.ndarray, " feature"]:
    """Figures by name; not a number for what is not there."""
    values = [getattr(found, name) for name in names]
    return np.array([np.nan if value is None else value for value in values])


def _misused(what: str) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        what,
        where="quality score",
        remedy="Give the cases and settings that the score was made for.",
    )
