"""Designs that several test modules need."""

import numpy as np

from medseg.study.statistics.bootstrap import Resampling
from medseg.study.statistics.design import BootstrapSettings, Design

QUICK = BootstrapSettings(resamples=499)


def independent(cases: int, settings: BootstrapSettings = QUICK) -> Resampling:
    """One case a patient, one centre."""
    return Resampling.of(Design.independent(cases), settings)


def surrounds_its_value(estimate) -> bool:
    return bool(estimate.low < estimate.value < estimate.high)


def clustered(
    patient: np.ndarray,
    centre: np.ndarray | None = None,
    settings: BootstrapSettings = QUICK,
) -> Resampling:
    """Patient and centre of each case by number."""
    strata = np.zeros_like(patient) if centre is None else centre
    design = Design(
        patients=tuple(f"patient {each:04}" for each in patient),
        strata=tuple(f"centre {each}" for each in strata),
    )
    return Resampling.of(design, settings)
