"""Intensities brought to mean 0 and standard deviation 1."""

from typing import assert_never

import numpy as np
from jaxtyping import Float32

from medseg.core.plan import Normalisation, NormalisationKind

_SMALLEST_SD = 1e-6


def normalised(
    channel: Float32[np.ndarray, "i j k"], how: Normalisation
) -> Float32[np.ndarray, "i j k"]:
    """One channel by the plan's rule; see `Normalisation`."""
    match how.kind:
        case NormalisationKind.CT:
            known = how.statistics
            clipped = np.clip(channel, known.percentile_00_5, known.percentile_99_5)
            mean, sd = np.float32(known.mean), max(known.sd, _SMALLEST_SD)
            scaled: np.ndarray = (clipped - mean) / np.float32(sd)
            return scaled
        case NormalisationKind.Z_SCORE:
            mean = np.float32(channel.mean(dtype=np.float64))
            sd = max(float(channel.std(dtype=np.float64)), _SMALLEST_SD)
            return (channel - mean) / np.float32(sd)
        case _:
            assert_never(how.kind)
