"""Pieces of one lesion that a watershed made too small, given to their neighbours."""

import heapq
from collections import Counter
from itertools import product

import numpy as np
from jaxtyping import Integer

from medseg.core.lesions import Connectivity

Numbers = Integer[np.ndarray, "i j k"]

_SAME_VOLUME = 1e-6  # more than what a spacing in float32 is off


def with_small_ones_joined(
    numbers: Numbers, smallest_voxels: float, connectivity: Connectivity
) -> Numbers:
    """Each basin that is too small given to the neighbour it touches most.

    The smallest goes first, and what it makes larger may be large enough by then. How
    much two touch is the number of pairs of voxels that are neighbours.

    Args:
        numbers: Basin at each voxel of one connected piece, 0 outside it.
        smallest_voxels: A basin with as many stays one.
        connectivity: Which voxels are neighbours.
    """
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    left = int(np.count_nonzero(sizes))
    smallest = smallest_voxels * (1 - _SAME_VOLUME)
    if left < 2 or sizes[sizes > 0].min() >= smallest:
        return numbers
    touching = _touching(numbers, connectivity)
    joined = np.arange(len(sizes))
    waiting = [(int(sizes[n]), int(n)) for n in np.flatnonzero(sizes)]
    heapq.heapify(waiting)
    while left > 1:
        size, small = heapq.heappop(waiting)
        if size != sizes[small]:
            continue  # it has been joined, or something with it
        if size >= smallest:
            break
        near = touching.pop(small)
        other = max(near, key=lambda n: (near[n], -n))
        for beside, pairs in near.items():
            del touching[beside][small]
            if beside != other:
                touching[beside][other] += pairs
                touching[other][beside] += pairs
        joined[small] = other
        sizes[other] += size
        sizes[small] = 0
        heapq.heappush(waiting, (int(sizes[other]), other))
        left -= 1
    after: np.ndarray = _followed(joined)[numbers]
    return after


def _touching(numbers: Numbers, connectivity: Connectivity) -> dict[int, Counter[int]]:
    """For each basin, how many pairs of neighbouring voxels it has with which other."""
    base = int(numbers.max()) + 1
    keys = []
    for step in _steps(connectivity):
        first = numbers[tuple(slice(max(0, -s), -s if s > 0 else None) for s in step)]
        other = numbers[tuple(slice(max(0, s), s if s < 0 else None) for s in step)]
        differ = (first != other) & (first > 0) & (other > 0)
        a, b = first[differ].astype(np.int64), other[differ].astype(np.int64)
        keys.append(np.minimum(a, b) * base + np.maximum(a, b))
    touching: dict[int, Counter[int]] = {}
    pairs, counts = np.unique(np.concatenate(keys), return_counts=True)
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        one, two = divmod(pair, base)
        touching.setdefault(one, Counter())[two] = count
        touching.setdefault(two, Counter())[one] = count
    return touching


def _steps(connectivity: Connectivity) -> list[tuple[int, int, int]]:
    """To half of a voxel's neighbours: the other half are those the way back."""
    return [
        (i, j, k)
        for i, j, k in product((-1, 0, 1), repeat=3)
        if (i, j, k) > (0, 0, 0) and abs(i) + abs(j) + abs(k) <= connectivity.rank
    ]


def _followed(joined: Integer[np.ndarray, " basin"]) -> Integer[np.ndarray, " basin"]:
    """Where each ends up: what it was joined with may have been joined in turn."""
    while not np.array_equal(further := joined[joined], joined):
        joined = further
    return joined.astype(np.int32)
