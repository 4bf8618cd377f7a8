"""Whether a model's own doubt tells its bad cases from its good ones."""

import numpy as np
from jaxtyping import Float, Float64
from scipy.stats import spearmanr

from medseg.study.results import RiskCoverage

Values = Float[np.ndarray, " case"]


def risk_coverage(
    confidence: Values, dice: Values, *, model: str, structure: str
) -> RiskCoverage | None:
    """Mean error over the surest cases, as more and more of them are kept.

    The area is the mean of the risks at coverages 1/n, 2/n ... 1 (Geifman and El-Yaniv,
    2017). Cases of equal confidence enter together, each with their mean risk.

    Args:
        confidence: One number a case, larger where the model is surer.
        dice: Of the same cases; not a number for those to leave out.
        model: Name.
        structure: Name.

    Returns:
        None without a case that has both.
    """
    has_both = ~np.isnan(confidence) & ~np.isnan(dice)
    n = int(np.count_nonzero(has_both))
    if not n:
        return None
    sure, loss = confidence[has_both], 1 - dice[has_both].astype(np.float64)
    _, group = np.unique(-sure, return_inverse=True)
    shared = (np.bincount(group, loss) / np.bincount(group))[group]
    risk = _risks(shared[np.argsort(-sure, kind="stable")])
    is_constant = np.ptp(sure) == 0 or np.ptp(loss) == 0
    return RiskCoverage(
        model=model,
        structure=structure,
        coverage=tuple((np.arange(1, n + 1) / n).tolist()),
        risk=tuple(risk.tolist()),
        aurc=float(risk.mean()),
        best_aurc=float(_risks(np.sort(loss)).mean()),
        random_aurc=float(loss.mean()),
        spearman=None if is_constant else float(spearmanr(sure, 1 - loss).statistic),
        n=n,
    )


def _risks(losses: Float64[np.ndarray, " case"]) -> Float64[np.ndarray, " case"]:
    risks: np.ndarray = np.cumsum(losses) / np.arange(1, len(losses) + 1)
    return risks
