"""nnU-Net's resampling of label maps, for models of two stages that it trained.

Each label's share of a new voxel is interpolated linearly; the largest share decides.
Where several are largest the nearest old voxel's label is taken if it is among them,
the lowest of them otherwise. That is what batchgenerators 0.25.5 does, on which
nnU-Net 2.8 relies, down to the rounding of the shares: ties are frequent.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from medseg.core.geometry import Shape3
from medseg.preprocessing.nnunet_rules import nearest_rows

Labels = UInt8[np.ndarray, "i j k"]
_OUTSIDE = 255
_SLAB_VOXELS = 2**21


def resampled_labels(
    labels: Labels,
    shape: Shape3,
    apart: int | None,
    outside: Bool[np.ndarray, "i j k"] | None = None,
) -> UInt8[np.ndarray, "i2 j2 k2"]:
    """A label map on the same box with other numbers of voxels.

    Args:
        labels: Numbers up to 254.
        shape: Voxels wanted.
        apart: The axis resampled apart, from `separate_axis`.
        outside: Background that is outside of the scanned: a label of its own while
            shares are compared, background in the end.
    """
    if labels.shape == shape:
        return labels
    if outside is not None:
        labels = np.where(outside & (labels == 0), np.uint8(_OUTSIDE), labels)
    axes = [
        _Axis.apart(n, m) if axis == apart else _Axis.within(n, m)
        for axis, (n, m) in enumerate(zip(labels.shape, shape, strict=True))
    ]
    result = np.empty(shape, np.uint8)
    step = max(1, _SLAB_VOXELS // (shape[1] * shape[2]))
    for first in range(0, shape[0], step):
        rows = slice(first, min(first + step, shape[0]))
        result[rows] = _decided(labels, (axes[0].part(rows), axes[1], axes[2]))
    result[result == _OUTSIDE] = 0
    return result


@dataclass(frozen=True, eq=False, kw_only=True)
class _Axis:
    """Old voxels beside each new one, along one axis.

    Attributes:
        places: Indices of the one below and the one above.
        shares: Of either.
        nearest: Index of the nearest.
    """

    places: Int64[np.ndarray, "2 n"]
    shares: Float64[np.ndarray, "2 n"]
    nearest: Int64[np.ndarray, " n"]

    @classmethod
    def within(cls, size: int, new_size: int) -> "_Axis":
        """Linearly, with half-voxel centres; computed as SciPy's zoom does it."""
        centres = (np.arange(new_size) + 0.5) * (size / new_size) - 0.5
        centres = np.clip(centres, 0, size - 1)
        below = np.floor(centres)
        above = np.minimum(below + 1, size - 1)
        share = centres - below
        return cls(
            places=np.stack([below, above]).astype(np.int64),
            shares=np.stack([1 - share, share]),
            nearest=np.floor(centres + 0.5).astype(np.int64),
        )

    @classmethod
    def apart(cls, size: int, new_size: int) -> "_Axis":
        rows = nearest_rows(size, new_size)
        shares = np.stack([np.ones(new_size), np.zeros(new_size)])
        return cls(places=np.stack([rows, rows]), shares=shares, nearest=rows)

    def part(self, rows: slice) -> "_Axis":
        return _Axis(
            places=self.places[:, rows],
            shares=self.shares[:, rows],
            nearest=self.nearest[rows],
        )


def _decided(labels: Labels, axes: tuple[_Axis, _Axis, _Axis]) -> np.ndarray:
    """The labels of some rows: only where neighbours differ shares are compared."""
    i, j, k = axes
    corners = list(product((0, 1), repeat=3))
    beside = [
        labels[np.ix_(i.places[a], j.places[b], k.places[c])] for a, b, c in corners
    ]
    result: np.ndarray = beside[0]
    is_mixed = np.zeros(result.shape, bool)
    for other in beside[1:]:
        is_mixed |= other != result
    at = np.nonzero(is_mixed)
    if not len(at[0]):
        return result
    found = np.stack([each[is_mixed] for each in beside])
    shares = np.stack(
        [
            i.shares[a][at[0]] * j.shares[b][at[1]] * k.shares[c][at[2]]
            for a, b, c in corners
        ]
    )
    nearest = labels[i.nearest[at[0]], j.nearest[at[1]], k.nearest[at[2]]]
    result[is_mixed] = _largest(found, shares, nearest)
    return result


def _largest(
    found: UInt8[np.ndarray, "corner n"],
    shares: Float64[np.ndarray, "corner n"],
    nearest: UInt8[np.ndarray, " n"],
) -> UInt8[np.ndarray, " n"]:
    """The label of the largest share; of several the nearest voxel's, or the lowest."""
    best = np.zeros(len(nearest))
    of_nearest = np.zeros(len(nearest))
    winner = np.zeros(len(nearest), np.uint8)
    for label in sorted(np.unique(found), key=lambda each: (each != _OUTSIDE, each)):
        share = np.zeros(len(nearest))
        for here, part in zip(found, shares, strict=True):  # in SciPy's order
            share += np.where(here == label, part, 0)
        share = np.minimum(share, 1)
        is_better = share > best
        winner[is_better] = label
        best[is_better] = share[is_better]
        is_nearest = nearest == label
        of_nearest[is_nearest] = share[is_nearest]
    return np.where((of_nearest == best) & (best > 0), nearest, winner)
