"""The grid that scans are brought to, after nnU-Net (Isensee et al., 2021)."""

import numpy as np

from medseg.core.geometry import Shape3, Spacing
from medseg.core.plan import Fingerprint

_ANISOTROPIC = 3.0


def target_spacing(fingerprint: Fingerprint) -> tuple[Spacing, str]:
    """Median spacing; the 10th percentile along a much coarser axis. And why."""
    spacings = np.array(fingerprint.spacings_mm)
    shapes = np.array(fingerprint.shapes)
    target = np.median(spacings, axis=0)
    why = "median of the cases"
    worst = int(target.argmax())
    others = [axis for axis in range(3) if axis != worst]
    sizes = np.median(shapes, axis=0)
    is_coarse = target[worst] > _ANISOTROPIC * target[others].max()
    if is_coarse and sizes[worst] * _ANISOTROPIC < sizes[others].min():
        fine = float(np.percentile(spacings[:, worst], 10))
        target[worst] = max(fine, float(target[others].max()))
        why += ", 10th percentile along the coarse axis"
    r, a, s = (round(float(value), 4) for value in target)
    return (r, a, s), why


def coarsened(spacing_mm: Spacing, median: Shape3, most_voxels: int) -> Spacing:
    """The finest axes made coarser, together, until a scan has so few voxels."""
    extent_mm = np.array(spacing_mm) * median
    low, high = min(spacing_mm), float(extent_mm.max())
    if np.prod(median) <= most_voxels:
        return spacing_mm
    for _ in range(40):
        finest = (low + high) / 2
        voxels = np.prod(extent_mm / np.maximum(spacing_mm, finest))
        low, high = (low, finest) if voxels <= most_voxels else (finest, high)
    r, a, s = (max(edge, round(high, 2)) for edge in spacing_mm)
    return r, a, s


def median_shape(fingerprint: Fingerprint, spacing_mm: Spacing) -> Shape3:
    """Median shape of the cases once resampled."""
    resampled = np.array(fingerprint.shapes) * np.array(fingerprint.spacings_mm)
    r, a, s = np.median(np.round(resampled / spacing_mm), axis=0)
    return max(1, int(r)), max(1, int(a)), max(1, int(s))
