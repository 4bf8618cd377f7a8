"""Hounsfield units of the tissues, which depend on the contrast agent's phase."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

AIR_HU = -1000.0
LUNG_HU = -850.0


class Phase(Enum):
    """When after the injection of contrast agent the scan was taken."""

    NATIVE = "native"
    ARTERIAL = "arterial"
    PORTAL = "portal"
    LATE = "late"


# From and to, per phase: liver, kidney, aorta, vena cava, renal pelvis.
_RANGES: dict[Phase, tuple[tuple[float, float], ...]] = {
    Phase.NATIVE: ((52, 66), (28, 38), (38, 46), (36, 44), (2, 12)),
    Phase.ARTERIAL: ((62, 82), (120, 175), (240, 320), (60, 110), (5, 15)),
    Phase.PORTAL: ((95, 125), (140, 190), (130, 165), (125, 155), (5, 20)),
    Phase.LATE: ((80, 100), (105, 140), (90, 110), (90, 110), (220, 380)),
}


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Hounsfield units of one phantom."""

    phase: Phase
    liver: float
    spleen: float
    kidney: float
    aorta: float
    vena_cava: float
    liver_vessels: float
    pelvis: float
    muscle: float
    bowel_wall: float
    stomach: float
    fat: float
    bone: float
    marrow: float


def draw_palette(rng: np.random.Generator) -> Palette:
    """Tissues of one patient in one phase.

    Spleen, muscle, stomach and bowel come near the liver on purpose: Hounsfield
    units alone must not tell the organs apart.
    """
    phase = tuple(Phase)[int(rng.integers(len(Phase)))]
    liver, kidney, aorta, vena_cava, pelvis = (
        float(rng.uniform(low, high)) for low, high in _RANGES[phase]
    )
    vessels = liver - 12 if phase is Phase.NATIVE else max(vena_cava, liver + 18)
    return Palette(
        phase=phase,
        liver=liver,
        spleen=liver + float(rng.uniform(-10, 10)),
        kidney=kidney,
        aorta=aorta,
        vena_cava=vena_cava,
        liver_vessels=min(vessels, liver + 45),
        pelvis=pelvis,
        muscle=float(rng.uniform(50, 70)),
        bowel_wall=float(rng.uniform(0.7, 1.05)) * liver,
        stomach=float(rng.uniform(10, liver)),
        fat=float(rng.uniform(-110, -92)),
        bone=float(rng.uniform(350, 600)),
        marrow=float(rng.uniform(130, 240)),
    )
