"""Features cut along i into slabs that stay in the processor's caches."""

from collections.abc import Iterator, Sequence
from math import prod

from torch import Tensor

_SLAB_VALUES = 2**21


def along_i(shape: Sequence[int]) -> Iterator[slice]:
    """Where slabs of features (batch, channel, i, j, k) lie."""
    a_plane = prod(shape[:2]) * prod(shape[3:])
    planes = max(1, _SLAB_VALUES // a_plane)
    for start in range(0, shape[2], planes):
        yield slice(start, min(start + planes, shape[2]))


def slabs_of(features: Tensor) -> Iterator[Tensor]:
    """The slabs of features, one behind the other."""
    for planes in along_i(features.shape):
        yield features[:, :, planes]
