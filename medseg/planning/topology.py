"""Patch, strides and kernels of a network, after nnU-Net (Isensee et al., 2021)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medseg.core.geometry import Shape3, Spacing
from medseg.core.plan import LEAST_LEVELS, Architecture
from medseg.networks import halving_multiple
from medseg.planning.budget import Budget, features_of

_LEAST_EDGE = 3  # edges of 2 have wrong gradients, see networks/levels.py


@dataclass(frozen=True, kw_only=True)
class Topology:
    """Shape of a network and of its patch.

    Attributes:
        patch: Voxels, a multiple of the total stride along each axis.
        strides: Down-sampling into each level; the first is (1, 1, 1).
        kernels: Convolution kernel of each level.
        widths: Feature channels of each level.
        features: Convolution outputs of one patch.
    """

    patch: Shape3
    strides: tuple[Shape3, ...]
    kernels: tuple[Shape3, ...]
    widths: tuple[int, ...]
    features: float


def fitting_topology(median: Shape3, spacing_mm: Spacing, budget: Budget) -> Topology:
    """The largest patch of which two fit the memory, and its network.

    It begins as a cube in millimetres inside the median shape. While it is too big, the
    axis that covers the most of the median shape loses one step of its stride.
    """
    topology = _topology(_cube(median, spacing_mm, budget), spacing_mm, budget)
    room = budget.memory.features(budget.gib)
    while 2 * topology.features > room:
        smaller = _reduced(topology.patch, median, spacing_mm, budget)
        if smaller is None:
            break
        topology = _topology(smaller, spacing_mm, budget)
    return topology


def _reduced(
    patch: Shape3, median: Shape3, spacing_mm: Spacing, budget: Budget
) -> Shape3 | None:
    """The patch with its relatively longest axis shortened; None if none can be."""
    voxels = math.prod(patch)
    for axis in np.argsort(np.array(patch) / median)[::-1]:
        shorter = list(patch)
        strides = _topology(patch, spacing_mm, budget).strides
        # a shorter axis may be halved less often, so that a smaller step does
        shorter[axis] -= _multiple(strides, budget.architecture)[axis]
        trial = _shape(np.maximum(shorter, 1))
        strides = _topology(trial, spacing_mm, budget).strides
        shorter[axis] = patch[axis] - _multiple(strides, budget.architecture)[axis]
        if shorter[axis] >= 1:
            candidate = _topology(_shape(np.array(shorter)), spacing_mm, budget).patch
            if math.prod(candidate) < voxels:
                return candidate
    return None


def _topology(box: Shape3, spacing_mm: Spacing, budget: Budget) -> Topology:
    strides, kernels = _strides_and_kernels(box, spacing_mm, budget)
    multiple = _multiple(strides, budget.architecture)
    patch = _shape(-(-np.array(box) // multiple) * multiple)
    widths = budget.widths_of(len(strides))
    return Topology(
        patch=patch,
        strides=strides,
        kernels=kernels,
        widths=widths,
        features=features_of(budget.architecture, patch, strides, widths),
    )


def _strides_and_kernels(
    box: Shape3, spacing_mm: Spacing, budget: Budget
) -> tuple[tuple[Shape3, ...], tuple[Shape3, ...]]:
    """Halve axes level by level.

    An axis is halved while its edge keeps the preset's smallest size and while its
    spacing is less than twice that of the finest such axis; its kernel is 1 until its
    spacing is within a factor of two of the finest, then 3, and 3 at the deepest level.
    Small images are halved further, and tiny ones not at all, to reach the least
    number of levels.
    """
    edge, spacing = np.array(box), np.array(spacing_mm)
    strides: list[Shape3] = [(1, 1, 1)]
    kernels: list[Shape3] = []
    is_full = np.zeros(3, dtype=bool)
    while budget.most_levels is None or len(strides) < budget.most_levels:
        can = _halved(edge, spacing, budget.smallest_edge)
        if not can.any():
            if len(strides) >= LEAST_LEVELS:
                break
            can = (spacing < 2 * spacing.min()) & (edge >= 2 * _LEAST_EDGE)
        is_full |= spacing < 2 * spacing.min()
        kernels.append(_shape(np.where(is_full, 3, 1)))
        step = np.where(can, 2, 1)
        edge, spacing = -(-edge // step), spacing * step
        strides.append(_shape(step))
    return tuple(strides), (*kernels, (3, 3, 3))


def _halved(edge: np.ndarray, spacing: np.ndarray, smallest_edge: int) -> np.ndarray:
    """Which axes are halved next."""
    is_long = edge >= 2 * smallest_edge
    if not is_long.any():
        return is_long
    can: np.ndarray = is_long & (spacing < 2 * spacing[is_long].min())
    is_alone_and_short = can.sum() == 1 and edge[can][0] < 3 * smallest_edge
    return np.zeros(3, dtype=bool) if is_alone_and_short else can


def _cube(median: Shape3, spacing_mm: Spacing, budget: Budget) -> Shape3:
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
    return _shape(box(low))


def _multiple(strides: Sequence[Shape3], architecture: Architecture) -> np.ndarray:
    """What a patch's edges are multiples of."""
    total = np.prod(np.array(strides), axis=0)
    return np.asarray(np.lcm(total, halving_multiple(architecture, len(strides))))


def _shape(values: np.ndarray) -> Shape3:
    r, a, s = values
    return int(r), int(a), int(s)
