"""How far probabilities of several networks and mirrored copies lie apart.

Only sums are kept, and so memory does not grow with the number of copies: float32, some
20 bytes a voxel and output.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32

from medseg.preprocessing.uncertainty import entropies_of, largest_variance

Probabilities = Float[np.ndarray, "output i j k"]
Map = Float32[np.ndarray, "i j k"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Spread:
    """What several networks say of one scan.

    Attributes:
        mean: Mean probabilities of the networks.
        entropy: Of the mean, as a share of the largest there can be.
        disagreement: That entropy less the mean of each network's own; None for one.
        mirror_variance: Variance over a network's copies, summed over outputs (of
            overlapping regions the largest), as a share of the largest there can be;
            mean over networks; None where each has one copy.
    """

    mean: Float32[np.ndarray, "output i j k"]
    entropy: Map
    disagreement: Map | None
    mirror_variance: Map | None


@dataclass(frozen=True, eq=False, kw_only=True)
class OfNetwork:
    """One network's answer, its mirrored copies averaged.

    Attributes:
        mean: Probabilities.
        variance: Over the copies; None of one.
    """

    mean: Float32[np.ndarray, "output i j k"]
    variance: Map | None


def over_copies(copies: Iterable[Probabilities], *, overlapping: bool) -> OfNetwork:
    """Mean and variance over the mirrored copies of one network's answer.

    Args:
        copies: One at least, turned back, gone through once.
        overlapping: Whether outputs are regions, each there or not.
    """
    remaining = iter(copies)
    first = next(remaining, None)
    if first is None:
        raise ValueError("there is no copy of the answer")
    total = first.astype(np.float32)
    squares = np.square(total)
    count = 1
    for copy in remaining:
        single = copy.astype(np.float32)
        total += single
        squares += np.square(single, out=single)
        count += 1
    total /= count
    if count == 1:
        return OfNetwork(mean=total, variance=None)
    squares /= count
    squares -= np.square(total)
    np.maximum(squares, 0, out=squares)
    variance = squares.max(axis=0) if overlapping else squares.sum(axis=0)
    largest = np.float32(largest_variance(len(total), overlapping=overlapping))
    return OfNetwork(mean=total, variance=variance / largest)


def over_networks(networks: Iterable[OfNetwork], *, overlapping: bool) -> Spread:
    """What the answers of several networks have in common, and what not.

    Args:
        networks: One at least, gone through once.
        overlapping: Whether outputs are regions, each there or not.
    """
    remaining = iter(networks)
    first = next(remaining, None)
    if first is None:
        raise ValueError("there is no network's answer")
    total, variance = first.mean.copy(), first.variance
    entropies = _entropies(total, overlapping=overlapping)
    count = 1
    for each in remaining:
        total += each.mean
        entropies += _entropies(each.mean, overlapping=overlapping)
        if variance is not None and each.variance is not None:
            variance = variance + each.variance
        count += 1
    total /= count
    of_mean = _entropies(total, overlapping=overlapping)
    apart = np.maximum(of_mean - entropies / np.float32(count), 0).max(axis=0)
    return Spread(
        mean=total,
        entropy=of_mean.max(axis=0),
        disagreement=apart if count > 1 else None,
        mirror_variance=None if variance is None else variance / np.float32(count),
    )


def _entropies(
    probabilities: Float32[np.ndarray, "output i j k"], *, overlapping: bool
) -> Float32[np.ndarray, "part i j k"]:
    """Row by row, since the terms of all outputs at once take as much memory again."""
    parts = len(probabilities) if overlapping else 1
    entropies = np.empty((parts, *probabilities.shape[1:]), np.float32)
    for row in range(entropies.shape[1]):
        plane = torch.from_numpy(np.ascontiguousarray(probabilities[:, row]))
        entropies[:, row] = entropies_of(plane, overlapping=overlapping).numpy()
    return entropies
