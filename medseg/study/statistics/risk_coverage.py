"""Whether a model's own doubt tells its bad cases from its good ones."""

import numpy as np
from jaxtyping import Float

from medseg.core.selective import rank_correlation
from medseg.core.selective import risk_coverage as curve_of
from medseg.study.results import ModelRiskCoverage

Values = Float[np.ndarray, " case"]


def risk_coverage(
    confidence: Values, dice: Values, *, model: str, structure: str
) -> ModelRiskCoverage | None:
    """Mean error over the surest cases, as more and more of them are kept.

    Args:
        confidence: One number a case, larger where the model is surer.
        dice: Of the same cases; not a number for those to leave out.
        model: Name.
        structure: Name.

    Returns:
        None without a case that has both.
    """
    has_both = ~np.isnan(confidence) & ~np.isnan(dice)
    if not has_both.any():
        return None
    sure, scores = (each[has_both].tolist() for each in (confidence, dice))
    curve = curve_of(sure, scores)
    return ModelRiskCoverage(
        model=model,
        structure=structure,
        coverage=curve.coverage,
        risk=curve.risk,
        aurc=curve.aurc,
        best_aurc=curve.aurc - curve.excess_aurc,
        random_aurc=curve.random_aurc,
        spearman=rank_correlation(sure, scores),
        n=len(sure),
    )
