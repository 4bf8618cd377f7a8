"""Whether there are cases enough for what is claimed."""

import math

from medseg.study.results import Estimate

FEW_PATIENTS = 30
_HALF_WIDTH = 0.01


def sample_size_remark(mean: Estimate, sd: float | None) -> str | None:
    """A sentence of warning for few patients; None when there are enough.

    The number named is that of El Jurdi et al., Confidence intervals for performance
    estimates in brain MRI segmentation (2023): (1.96 SD / half width)^2 for an interval
    of plus or minus 0.01, for measures between 0 and 1.

    Args:
        mean: Of the measure.
        sd: Standard deviation over its cases; None for measures in mm or ml, for which
            no number is named.
    """
    if mean.patients >= FEW_PATIENTS:
        return None
    patients = "1 patient" if mean.patients == 1 else f"{mean.patients} patients"
    warning = f"With {patients} the intervals are wide and themselves uncertain"
    if not sd:
        return f"{warning}."
    needed = math.ceil((1.96 * sd / _HALF_WIDTH) ** 2)
    if needed <= mean.patients:
        return f"{warning}."
    return (
        f"{warning}; with the spread seen here (SD {sd:.3f}) about {needed} would be "
        "needed for an interval of \N{PLUS-MINUS SIGN}0.01."
    )
