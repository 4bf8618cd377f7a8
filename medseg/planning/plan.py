"""Fingerprint -> Plan, after nnU-Net's rules (Isensee et al., 2021).

Differences: patches are sized by a number of voxels, since that is what memory and
time follow; only the left-right axis is mirrored, and only where no structure is
named by its side, since a mirrored patient is a plausible one and an upside-down
patient is not.
"""

from dataclasses import dataclass

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Shape3, Spacing
from medseg.core.labels import LabelSet
from medseg.core.plan import (
    LEAST_LEVELS,
    MOST_STRUCTURES,
    Fingerprint,
    Normalisation,
    NormalisationKind,
    Plan,
)
from medseg.core.settings import Preset

_ANISOTROPIC = 3.0


@dataclass(frozen=True, kw_only=True)
class _Budget:
    """Size of a preset: voxels of a scan, patch and batch, width of the network."""

    volume_voxels: int
    patch_voxels: int
    batch_voxels: int
    smallest_edge: int
    widths: tuple[int, ...]
    keeps_deepest: bool


_BUDGETS = {
    Preset.TINY: _Budget(
        volume_voxels=2**20,
        patch_voxels=2**18,
        batch_voxels=300_000,
        smallest_edge=8,
        widths=(16, 32, 64, 128),
        keeps_deepest=True,
    ),
    Preset.STANDARD: _Budget(
        volume_voxels=2**28,
        patch_voxels=2**21,
        batch_voxels=2**22,
        smallest_edge=4,
        widths=(32, 64, 128, 256, 320, 320),
        keeps_deepest=False,
    ),
}


def make_plan(
    fingerprint: Fingerprint,
    channels: tuple[str, ...],
    labels: LabelSet,
    preset: Preset,
) -> Plan:
    """Everything the data decide, each choice with its reason.

    Raises:
        UnusableInput: INVALID_DATASET when there are more structures than label
            indices.
    """
    if len(labels) > MOST_STRUCTURES:
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            f"{len(labels)} structures are more than a network here tells apart",
            where="labels",
            remedy=f"Join or leave out some, down to {MOST_STRUCTURES}.",
        )
    budget = _BUDGETS[preset]
    fine_mm, spacing_why = _target_spacing(fingerprint)
    spacing_mm = _coarsened(fine_mm, _median_shape(fingerprint, fine_mm), budget)
    if spacing_mm != fine_mm:
        spacing_why += f", coarser for about {budget.volume_voxels} voxels a scan"
    median = _median_shape(fingerprint, spacing_mm)
    strides, kernels = _topology(median, spacing_mm, budget)
    patch = _rounded_patch(_patch(median, spacing_mm, budget), strides)
    widths = _widths(len(strides), budget)
    batch = int(np.clip(round(budget.batch_voxels / np.prod(patch)), 2, 8))
    mirror_axes, mirror_why = (
        ((), "none: a structure is named by its side")
        if labels.is_lateral
        else ((0,), "left-right: no structure is named by its side")
    )
    reasons = (
        ("spacing_mm", spacing_why),
        ("patch_shape", f"at most {budget.patch_voxels} voxels of the median {median}"),
        ("batch_size", f"about {budget.batch_voxels} voxels a step, 2 to 8 patches"),
        ("strides", f"halved while an edge keeps {budget.smallest_edge} voxels"),
        ("widths", f"at most {max(budget.widths)}, preset {preset}"),
        ("normalisation", "foreground percentiles for CT, z-score for the rest"),
        ("mirror_axes", mirror_why),
    )
    return Plan(
        channels=channels,
        labels=labels,
        spacing_mm=spacing_mm,
        patch_shape=patch,
        batch_size=batch,
        normalisation=_normalisation(channels, fingerprint),
        widths=widths,
        kernels=kernels,
        strides=strides,
        mirror_axes=mirror_axes,
        reasons=reasons,
    )


def _normalisation(
    channels: tuple[str, ...], fingerprint: Fingerprint
) -> tuple[Normalisation, ...]:
    def kind_of(channel: str) -> NormalisationKind:
        is_ct = channel.upper() == "CT"
        return NormalisationKind.CT if is_ct else NormalisationKind.Z_SCORE

    return tuple(
        Normalisation(kind=kind_of(channel), statistics=statistics)
        for channel, statistics in zip(channels, fingerprint.intensities, strict=True)
    )


def _target_spacing(fingerprint: Fingerprint) -> tuple[Spacing, str]:
    """Median spacing; the 10th percentile along a much coarser axis."""
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


def _coarsened(spacing_mm: Spacing, median: Shape3, budget: _Budget) -> Spacing:
    """The finest axes made coarser, together, until a scan fits the preset."""
    extent_mm = np.array(spacing_mm) * median
    low, high = min(spacing_mm), float(extent_mm.max())
    if np.prod(median) <= budget.volume_voxels:
        return spacing_mm
    for _ in range(40):
        finest = (low + high) / 2
        voxels = np.prod(extent_mm / np.maximum(spacing_mm, finest))
        low, high = (low, finest) if voxels <= budget.volume_voxels else (finest, high)
    r, a, s = (max(edge, round(high, 2)) for edge in spacing_mm)
    return r, a, s


def _median_shape(fingerprint: Fingerprint, spacing_mm: Spacing) -> Shape3:
    """Median shape of the cases once resampled."""
    resampled = np.array(fingerprint.shapes) * np.array(fingerprint.spacings_mm)
    r, a, s = np.median(np.round(resampled / spacing_mm), axis=0)
    return max(1, int(r)), max(1, int(a)), max(1, int(s))


def _patch(median: Shape3, spacing_mm: Spacing, budget: _Budget) -> Shape3:
    """Largest box, cubic in mm, inside the median shape and the voxel budget."""
    if np.prod(median) <= budget.patch_voxels:
        return median

    def box(edge_mm: float) -> np.ndarray:
        fitting = np.maximum(1, np.floor(edge_mm / np.array(spacing_mm)))
        return np.asarray(np.minimum(median, fitting))

    low, high = 0.0, float(max(np.array(median) * spacing_mm))
    for _ in range(40):
        middle = (low + high) / 2
        fits = box(middle).prod() <= budget.patch_voxels
        low, high = (middle, high) if fits else (low, middle)
    r, a, s = box(low)
    return int(r), int(a), int(s)


def _topology(
    median: Shape3, spacing_mm: Spacing, budget: _Budget
) -> tuple[tuple[Shape3, ...], tuple[Shape3, ...]]:
    """Strides and kernels of each level.

    An axis is halved while its edge keeps the preset's smallest size and while its
    spacing is less than twice the finest one; its kernel is 1 until its spacing is
    within a factor of two of the finest, then 3. Small images are halved further, and
    tiny ones not at all, to reach the least number of levels.
    """
    edge = np.array(_patch(median, spacing_mm, budget))
    spacing = np.array(spacing_mm)
    strides: list[Shape3] = [(1, 1, 1)]
    kernels = [_kernel(spacing)]
    while len(strides) < len(budget.widths):
        is_fine = spacing < 2 * spacing.min()
        can = is_fine & (edge >= 2 * budget.smallest_edge)
        if not can.any():
            if len(strides) >= LEAST_LEVELS:
                break
            can = is_fine & (edge >= 4)
        step = np.where(can, 2, 1)
        edge, spacing = -(-edge // step), spacing * step
        strides.append((int(step[0]), int(step[1]), int(step[2])))
        kernels.append(_kernel(spacing))
    return tuple(strides), tuple(kernels)


def _kernel(spacing: np.ndarray) -> Shape3:
    r, a, s = np.where(spacing < 2 * spacing.min(), 3, 1)
    return int(r), int(a), int(s)


def _rounded_patch(patch: Shape3, strides: tuple[Shape3, ...]) -> Shape3:
    """Each edge up to a multiple of the total stride."""
    total = np.prod(np.array(strides), axis=0)
    r, a, s = -(-np.array(patch) // total) * total
    return int(r), int(a), int(s)


def _widths(levels: int, budget: _Budget) -> tuple[int, ...]:
    """The preset's widths; a shallower network loses the last or the first ones.

    A tiny network keeps the deepest and so has about 1.4 million parameters whatever
    its depth.
    """
    return budget.widths[-levels:] if budget.keeps_deepest else budget.widths[:levels]
