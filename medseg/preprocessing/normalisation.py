"""Intensities brought to what a network takes."""

from typing import assert_never

import numpy as np
from jaxtyping import Bool, Float32

from medseg.core.plan import IntensityStatistics, Normalisation, NormalisationKind

_SMALLEST_SD = 1e-6
_SMALLEST_RANGE = 1e-8


def normalised(
    channel: Float32[np.ndarray, "i j k"],
    how: Normalisation,
    filled: Bool[np.ndarray, "i j k"] | None = None,
) -> Float32[np.ndarray, "i j k"]:
    """One channel by the plan's rule; see `Normalisation`.

    Args:
        channel: Its intensities.
        how: The rule.
        filled: Voxels that count as not zero; those of the channel that are not, by
            default.
    """
    match how.kind:
        case NormalisationKind.CT:
            return _of_ct(channel, how.statistics)
        case NormalisationKind.Z_SCORE:
            return _z_score(channel, channel)
        case NormalisationKind.Z_SCORE_NONZERO:
            inside = channel != 0 if filled is None else filled
            if not inside.any():
                return np.zeros_like(channel)
            scaled = _z_score(channel, channel[inside])
            scaled[~inside] = 0
            return scaled
        case NormalisationKind.MIN_MAX:
            lowest = channel.min()
            extent = np.float32(max(channel.max() - lowest, _SMALLEST_RANGE))
            between: np.ndarray = (channel - lowest) / extent
            return between
        case NormalisationKind.NONE:
            return channel
        case _:
            assert_never(how.kind)


def _of_ct(channel: np.ndarray, known: IntensityStatistics) -> np.ndarray:
    clipped = np.clip(channel, known.percentile_00_5, known.percentile_99_5)
    mean, sd = np.float32(known.mean), max(known.sd, _SMALLEST_SD)
    scaled: np.ndarray = (clipped - mean) / np.float32(sd)
    return scaled


def _z_score(channel: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """By the mean and SD of the voxels counted, summed in float64."""
    mean = np.float32(counted.mean(dtype=np.float64))
    sd = max(float(counted.std(dtype=np.float64)), _SMALLEST_SD)
    scaled: np.ndarray = (channel - mean) / np.float32(sd)
    return scaled
