"""What the scanner does to the picture: blur, noise, whole Hounsfield units."""

import numpy as np
from jaxtyping import Float, Int16

from medseg.phantom.space import Field

_LOWEST_HU, _HIGHEST_HU = -1024, 3071
_STEPS_PER_HU = 16
# SD of the sum of two uniform numbers from -1000 to 1000, after 1-2-1 twice.
_WHITE_SD = 816.9 * 6.0


def add_noise(
    rng: np.random.Generator, hu: Float[np.ndarray, "i j k"], skin_mm: Field
) -> Int16[np.ndarray, "i j k"]:
    """The scan of a canvas: point spread, correlated noise, rounding.

    Sums are of whole numbers, so that their order cannot matter. Noise has an SD of 9
    to 12 HU in the body, more in the middle than below the skin, and less in air.
    """
    steps = np.rint(hu * _STEPS_PER_HU).astype(np.int32)
    sharp = _smoothed(_smoothed(steps, 4, axis=0), 4, axis=1)
    signal = sharp.astype(np.float32) / (36 * _STEPS_PER_HU)
    white = rng.integers(-1000, 1001, size=hu.shape, dtype=np.int32)
    white += rng.integers(-1000, 1001, size=hu.shape, dtype=np.int32)
    grain = _smoothed(_smoothed(white, 2, axis=0), 2, axis=1).astype(np.float32)
    noise_hu = float(rng.uniform(9, 12))
    share = np.clip(0.85 - skin_mm / 400, 0.6, 1.1)
    noisy = signal + grain * share * (noise_hu / _WHITE_SD)
    return np.clip(np.rint(noisy), _LOWEST_HU, _HIGHEST_HU).astype(np.int16)


def _smoothed(values: np.ndarray, centre_weight: int, *, axis: int) -> np.ndarray:
    """Neighbours along an axis added: weights 1, centre, 1; the ends repeat."""
    first = values.take([0], axis=axis)
    last = values.take([-1], axis=axis)
    below = np.concatenate(
        [first, values.take(range(values.shape[axis] - 1), axis)], axis
    )
    above = np.concatenate(
        [values.take(range(1, values.shape[axis]), axis), last], axis
    )
    total: np.ndarray = below + centre_weight * values + above
    return total
