"""Numbered pieces of two maps that share a voxel, and how well they agree."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, Integer
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from medseg.metrics.runs import label_runs

Numbers = Integer[np.ndarray, "..."]


@dataclass(frozen=True, eq=False, kw_only=True)
class OverlappingPairs:
    """Every pair of a predicted and a reference piece that share a voxel.

    Attributes:
        numbers: Prediction's and reference's.
        ious: Of each pair.
    """

    numbers: Int64[np.ndarray, "pair 2"]
    ious: Float64[np.ndarray, " pair"]

    @classmethod
    def of(
        cls,
        predicted: Numbers,
        wanted: Numbers,
        predicted_voxels: Int64[np.ndarray, " _"],
        wanted_voxels: Int64[np.ndarray, " _"],
    ) -> "OverlappingPairs":
        """Find the pairs in one pass.

        Args:
            predicted: Number of the piece at each voxel, 0 for none.
            wanted: The same of the reference, of the same shape.
            predicted_voxels: Of each piece of the prediction, the first place for none.
            wanted_voxels: Of each piece of the reference, likewise.
        """
        both = (predicted > 0) & (wanted > 0)
        keys = predicted[both].astype(np.int64) * len(wanted_voxels)
        runs = label_runs(keys + wanted[both])
        found, run = np.unique(runs.labels, return_inverse=True)
        numbers = np.stack(np.divmod(found, len(wanted_voxels)), axis=1)
        shared = np.bincount(run, runs.lengths, minlength=len(found))
        union = predicted_voxels[numbers[:, 0]] + wanted_voxels[numbers[:, 1]] - shared
        return cls(numbers=numbers, ious=shared / union)

    def matched(self, threshold: float) -> Int64[np.ndarray, "match 2"]:
        """The best one-to-one matching of the pairs with an IoU above the threshold."""
        eligible = self.ious > threshold
        numbers, ious = self.numbers[eligible], self.ious[eligible]
        if not len(numbers):
            return numbers
        rows, row = np.unique(numbers[:, 0], return_inverse=True)
        columns, column = np.unique(numbers[:, 1], return_inverse=True)
        # Each row may also stay alone, in a column of its own: dearer than any pairs.
        every = np.arange(len(rows))
        alone = np.full(len(rows), 2.0 + min(len(rows), len(columns)))
        places = np.append(row, every), np.append(column, len(columns) + every)
        costs = csr_array((np.append(2 - ious, alone), places))
        chosen = np.stack(min_weight_full_bipartite_matching(costs), axis=1)
        chosen = chosen[chosen[:, 1] < len(columns)]
        return np.stack([rows[chosen[:, 0]], columns[chosen[:, 1]]], axis=1)

    def iou_of(self, matches: Int64[np.ndarray, "match 2"]) -> dict[int, float]:
        """IoU of each match, by the number of its predicted piece."""
        ious = {
            (int(a), int(b)): float(iou)
            for (a, b), iou in zip(self.numbers, self.ious, strict=True)
        }
        return {int(a): ious[int(a), int(b)] for a, b in matches}
