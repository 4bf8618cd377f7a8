"""Scans made from formulas, so that the truth is known."""

import numpy as np

import medseg

SPACING_MM = (1.5, 1.0, 2.0)


def ball(
    shape: tuple[int, int, int],
    centre_mm: tuple[float, float, float],
    radius_mm: float,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
) -> np.ndarray:
    """Where a ball is; its centre is from the middle of the first voxel."""
    axes = [np.arange(n) * d for n, d in zip(shape, spacing_mm, strict=True)]
    grid = np.meshgrid(*axes, indexing="ij")
    squares = [(g - c) ** 2 for g, c in zip(grid, centre_mm, strict=True)]
    inside: np.ndarray = sum(squares) <= radius_mm**2
    return inside


def scan(
    array: np.ndarray, spacing_mm: tuple[float, float, float] = SPACING_MM
) -> medseg.Volume:
    geometry = medseg.Geometry.from_spacing(array.shape, spacing_mm)
    return medseg.Volume(array=array[None], geometry=geometry, channels=("CT",))


def labels(
    array: np.ndarray, spacing_mm: tuple[float, float, float] = SPACING_MM
) -> medseg.Segmentation:
    geometry = medseg.Geometry.from_spacing(array.shape, spacing_mm)
    names = medseg.LabelSet.from_names([(1, "lesion"), (2, "organ")])
    return medseg.Segmentation(
        array=array.astype(np.uint8), geometry=geometry, labels=names
    )


def noise(shape: tuple[int, int, int], deviation: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, deviation, shape).astype(np.float32)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))
