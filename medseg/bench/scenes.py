"""Pairs of label maps to measure on, made or read."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from medseg.core.geometry import Geometry, Shape3, Spacing
from medseg.core.labels import LabelSet
from medseg.core.volume import LabelArray, Segmentation
from medseg.io.reading import read_segmentation
from medseg.metrics.overlap import count_voxels

ORGAN_SHAPE = (128, 224, 224)
BODY_SHAPE = (250, 200, 250)
BODY_STRUCTURES = 41


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """A prediction and a reference.

    Attributes:
        name: What it stands for, in a few words.
        prediction: The label map to judge.
        reference: The one to compare with.
        present: Labels with a voxel in both maps.
        tolerance_mm: Of the surfaces.
    """

    name: str
    prediction: Segmentation
    reference: Segmentation
    present: tuple[int, ...]
    tolerance_mm: float


def organ_scene(tolerance_mm: float, shape: Shape3 = ORGAN_SHAPE) -> Scene:
    """One organ-like blob of about 58,000 border voxels, and a good prediction."""
    rng = np.random.default_rng(0)
    i, j, k = (np.linspace(-1, 1, size)[:, None, None] for size in shape)
    radius = np.sqrt(
        (i / 0.8) ** 2
        + (j.transpose(1, 0, 2) / 0.75) ** 2
        + (k.transpose(1, 2, 0) / 0.7) ** 2
    )
    outline = radius + 0.05 * _noise(rng, shape, 6)
    error = 0.015 * _noise(rng, shape, 5)
    spacing_mm = (2.0, 0.8, 0.8)
    return _scene(
        "one organ",
        _numbered((outline + error < 1).astype(np.uint8), spacing_mm),
        _numbered((outline < 1).astype(np.uint8), spacing_mm),
        tolerance_mm,
    )


def body_scene(
    tolerance_mm: float, shape: Shape3 = BODY_SHAPE, structures: int = BODY_STRUCTURES
) -> Scene:
    """Many structures that touch, in half of a body; the prediction is one voxel off.

    The structures are the cells nearest to random seeds, with wavy walls; as many cells
    again are left as background.
    """
    seeds = cKDTree(np.random.default_rng(1).normal(size=(2 * structures, 3)) * 0.4)
    i, j, k = (np.linspace(-1, 1, size) for size in shape)
    reference = np.zeros(shape, np.uint8)
    for plane, depth in zip(reference, i, strict=True):
        inside = depth**2 + j[:, None] ** 2 + k**2 < 0.9
        points = np.stack(np.broadcast_arrays(depth, j[:, None], k), axis=-1)[inside]
        _, cell = seeds.query(points + 0.03 * np.sin(9 * points[:, [1, 2, 0]]))
        plane[inside] = np.where(cell < structures, cell + 1, 0)
    spacing_mm = (1.5, 1.5, 1.5)
    return _scene(
        f"{structures} structures",
        _numbered(_moved(reference), spacing_mm),
        _numbered(reference, spacing_mm),
        tolerance_mm,
    )


def file_scene(path: Path, tolerance_mm: float) -> Scene:
    """A label map read from a file; the prediction is the same, one voxel off."""
    reference = read_segmentation(path)
    return _scene(
        f"structures of {path.name}",
        replace(reference, array=_moved(reference.array)),
        reference,
        tolerance_mm,
    )


def _scene(
    name: str, prediction: Segmentation, reference: Segmentation, tolerance_mm: float
) -> Scene:
    counts = count_voxels(prediction.array, reference.array)
    both = {*counts.predicted_labels} & {*counts.reference_labels}
    return Scene(
        name=name,
        prediction=prediction,
        reference=reference,
        present=tuple(sorted(both)),
        tolerance_mm=tolerance_mm,
    )


def _numbered(labels: LabelArray, spacing_mm: Spacing) -> Segmentation:
    """Label map whose structures have numbers for names."""
    i, j, k = labels.shape
    return Segmentation(
        array=labels,
        geometry=Geometry.from_spacing((i, j, k), spacing_mm),
        labels=LabelSet.from_names(
            (label, f"structure {label}") for label in range(1, int(labels.max()) + 1)
        ),
    )


def _noise(rng: np.random.Generator, shape: Shape3, width: int) -> np.ndarray:
    """Smooth noise of standard deviation 1."""
    smooth = gaussian_filter(rng.normal(size=shape), width)
    noise: np.ndarray = smooth / smooth.std()
    return noise


def _moved(labels: LabelArray) -> LabelArray:
    """Moved by one voxel along the first axis; what enters is background."""
    moved = np.zeros_like(labels)
    moved[1:] = labels[:-1]
    return moved
