"""Runs of equal labels along the rows of a map, which sum it up in little time."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from medseg.core.volume import LabelArray
from medseg.metrics.label_pairs import FlatLabels


@dataclass(frozen=True, eq=False, kw_only=True)
class Runs:
    """A flat array of labels, told by its runs of equal ones.

    Attributes:
        starts: Position of the first voxel of each run.
        lengths: Voxels of each run.
        labels: Label of each run.
    """

    starts: Int64[np.ndarray, " run"]
    lengths: Int64[np.ndarray, " run"]
    labels: FlatLabels


def label_runs(flat: FlatLabels) -> Runs:
    """The runs of a flat array, in their order."""
    later = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate([np.zeros(min(1, len(flat)), np.int64), later])
    lengths = np.diff(starts, append=len(flat))
    return Runs(starts=starts, lengths=lengths, labels=flat[starts])


def centroids(labels: LabelArray) -> Float64[np.ndarray, "label 3"]:
    """Centre of mass of every label from 0 up, as positions along the array's axes.

    NaN where a label has no voxel.

    Args:
        labels: C-contiguous, with a margin of background.
    """
    sums = np.zeros((4, int(labels.max()) + 1))
    for i, plane in enumerate(labels):
        runs = label_runs(plane.reshape(-1))
        j, first = np.divmod(runs.starts, labels.shape[2])
        middle = first + (runs.lengths - 1) / 2
        for row, values in enumerate((1, i, j, middle)):
            sums[row] += np.bincount(runs.labels, runs.lengths * values, sums.shape[1])
    sums[:, 0] = np.nan
    with np.errstate(invalid="ignore"):
        centres: np.ndarray = (sums[1:] / sums[0]).T
    return centres
