"""Voxels of two label maps counted: of each label in each map, and in both at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from medseg.core.structure_score import MaskState
from medseg.core.volume import LabelArray
from medseg.metrics.runs import label_runs

_VOXELS_AT_ONCE = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Voxels of one structure.

    Attributes:
        predicted: In the prediction.
        reference: In the reference.
        shared: In both.
    """

    predicted: int
    reference: int
    shared: int

    @property
    def state(self) -> MaskState:
        """Which of the two masks are empty."""
        match self.predicted > 0, self.reference > 0:
            case True, True:
                return MaskState.BOTH_PRESENT
            case True, False:
                return MaskState.REFERENCE_EMPTY
            case False, True:
                return MaskState.PREDICTION_EMPTY
            case _:
                return MaskState.BOTH_EMPTY

    @property
    def dice(self) -> float | None:
        """2 |A and B| / (|A| + |B|) (Dice, 1945); None when both are empty."""
        total = self.predicted + self.reference
        return 2 * self.shared / total if total else None

    @property
    def iou(self) -> float | None:
        """|A and B| / |A or B| (Jaccard, 1912); None when both are empty."""
        union = self.predicted + self.reference - self.shared
        return self.shared / union if union else None

    @property
    def precision(self) -> float | None:
        """|A and B| / |A|; None when the prediction is empty."""
        return self.shared / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """|A and B| / |B|; None when the reference is empty."""
        return self.shared / self.reference if self.reference else None


@dataclass(frozen=True, eq=False, kw_only=True)
class VoxelCounts:
    """Voxels of every label number from 0 up, by label.

    Attributes:
        predicted: In the prediction.
        reference: In the reference.
        shared: In both at the same place.
    """

    predicted: Int64[np.ndarray, " label"]
    reference: Int64[np.ndarray, " label"]
    shared: Int64[np.ndarray, " label"]

    @property
    def predicted_labels(self) -> tuple[int, ...]:
        """Labels that have a voxel in the prediction, background left out."""
        return _held(self.predicted)

    @property
    def reference_labels(self) -> tuple[int, ...]:
        """Labels that have a voxel in the reference, background left out."""
        return _held(self.reference)

    def of(self, label: int) -> Overlap:
        """Counts of one label; zeros for one that is in neither map."""
        if label >= len(self.shared):
            return Overlap(predicted=0, reference=0, shared=0)
        return Overlap(
            predicted=int(self.predicted[label]),
            reference=int(self.reference[label]),
            shared=int(self.shared[label]),
        )


def count_voxels(prediction: LabelArray, reference: LabelArray) -> VoxelCounts:
    """Count all labels in one pass over two maps of the same shape."""
    labels = int(max(prediction.max(), reference.max())) + 1
    counts = np.zeros((3, labels), dtype=np.int64)
    for predicted, wanted in _slabs(prediction, reference):
        shared = np.where(predicted == wanted, predicted, 0)
        for row, values in enumerate((predicted, wanted, shared)):
            runs = label_runs(values.reshape(-1))
            voxels = np.bincount(runs.labels, runs.lengths, labels)
            counts[row] += voxels.astype(np.int64)
        # The background of `shared` holds the voxels that differ, too.
        counts[2, 0] -= np.count_nonzero(predicted != wanted)
    return VoxelCounts(predicted=counts[0], reference=counts[1], shared=counts[2])


def _slabs(
    prediction: LabelArray, reference: LabelArray
) -> Iterator[tuple[LabelArray, LabelArray]]:
    """Cut both along their slowest axis, so that no whole-scan int64 copy is made."""
    axes = np.argsort(reference.strides)[::-1]
    predicted, wanted = prediction.transpose(axes), reference.transpose(axes)
    step = max(1, _VOXELS_AT_ONCE * len(wanted) // wanted.size)
    for start in range(0, len(wanted), step):
        yield predicted[start : start + step], wanted[start : start + step]


def _held(counts: Int64[np.ndarray, " label"]) -> tuple[int, ...]:
    return tuple(int(label) for label in np.flatnonzero(counts) if label)
