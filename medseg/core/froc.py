"""How well lesions are found as fewer and fewer sure ones count."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from medseg.core.text_table import aligned, number

LUNA16_POINTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives a scan at which LUNA16 (Setio et al., 2017) takes sensitivities."""

_DIGITS = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Froc:
    """Free-response operating characteristic (Bunch et al., 1978).

    Attributes:
        confidence: Of the operating points, descending.
        false_positives_per_case: At or above each confidence.
        sensitivity: Likewise.
        lesions: Of all references.
        cases: Cases looked at.
        structure: What is looked for; empty where that is not said.
        unnamed: Cases whose reference does not name the structure, and counts as
            without a lesion of it.
    """

    confidence: Float64[np.ndarray, " point"]
    false_positives_per_case: Float64[np.ndarray, " point"]
    sensitivity: Float64[np.ndarray, " point"]
    lesions: int
    cases: int
    structure: str = ""
    unnamed: tuple[str, ...] = ()

    def sensitivity_at(self, false_positives_per_case: float) -> float:
        """Sensitivity at a number of false positives a case.

        Taken on straight lines between the operating points, from none found at no
        false positive, as LUNA16 (Setio et al., 2017) does; beyond the last point it
        is that of the last.
        """
        if not len(self.sensitivity):
            return 0.0
        spurious, last = np.unique(
            np.append(0.0, self.false_positives_per_case)[::-1], return_index=True
        )
        best = np.append(0.0, self.sensitivity)[::-1][last]  # the last of each, so most
        return float(np.interp(false_positives_per_case, spurious, best))

    @property
    def luna16_score(self) -> float:
        """Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives a case."""
        return float(np.mean([self.sensitivity_at(each) for each in LUNA16_POINTS]))


def froc_table(curves: tuple[Froc, ...]) -> str:
    """Sensitivity of each structure at LUNA16's points, and their mean."""
    header = [
        *("structure", "cases", "lesions"),
        *(f"at {each:g}" for each in LUNA16_POINTS),
        "mean",
    ]
    lines = [
        [
            *(each.structure, str(each.cases), str(each.lesions)),
            *(number(each.sensitivity_at(n), _DIGITS) for n in LUNA16_POINTS),
            number(each.luna16_score, _DIGITS),
        ]
        for each in curves
    ]
    return aligned(header, lines, left=1)
