"""Whether a probability of 0.8 is right four times out of five."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Float64

from medseg.core.geometry import Spacing
from medseg.study.results import Calibration, CalibrationBin

BINS = 15
MARGIN_MM = 10.0


@dataclass(frozen=True, eq=False)
class CalibrationCounts:
    """Sums over voxels, added up case by case; a case's voxels are not kept.

    Counted are the voxels of the box around the structure, in the reference or where
    the model thinks it likelier than not, widened by 10 mm on all sides: far-away
    background, right without effort, would hide every error.
    """

    voxels: Float64[np.ndarray, "15"] = field(default_factory=lambda: np.zeros(BINS))
    confidence: Float64[np.ndarray, "15"] = field(
        default_factory=lambda: np.zeros(BINS)
    )
    truth: Float64[np.ndarray, "15"] = field(default_factory=lambda: np.zeros(BINS))
    squares: Float64[np.ndarray, "15"] = field(default_factory=lambda: np.zeros(BINS))

    def plus(
        self,
        probability: Float[np.ndarray, "i j k"],
        reference: Bool[np.ndarray, "i j k"],
        spacing_mm: Spacing,
        looked_at: Bool[np.ndarray, "i j k"] | None = None,
    ) -> "CalibrationCounts":
        """The sums with one case more.

        Args:
            probability: Of the structure, 0 to 1.
            reference: Where it is.
            spacing_mm: Along the axes of both.
            looked_at: Voxels that may count; None for all.
        """
        box = _box(reference | (probability >= 0.5), spacing_mm)
        if box is None:
            return self
        if looked_at is None:
            looked_at = np.ones(reference.shape, dtype=bool)
        planes = zip(probability[box], reference[box], looked_at[box], strict=True)
        sums = sum(_binned(p[seen], is_there[seen]) for p, is_there, seen in planes)
        voxels, confidence, truth, squares = np.asarray(sums)
        return CalibrationCounts(
            voxels=self.voxels + voxels,
            confidence=self.confidence + confidence,
            truth=self.truth + truth,
            squares=self.squares + squares,
        )

    def result(self, *, model: str, structure: str) -> Calibration | None:
        """Bins of equal width and their errors; None when no voxel was counted."""
        total = self.voxels.sum()
        if not total:
            return None
        filled = np.flatnonzero(self.voxels)
        bins = tuple(
            CalibrationBin(
                confidence=float(self.confidence[place] / self.voxels[place]),
                frequency=float(self.truth[place] / self.voxels[place]),
                voxels=int(self.voxels[place]),
            )
            for place in filled
        )
        gaps = np.abs(self.confidence - self.truth)
        return Calibration(
            model=model,
            structure=structure,
            bins=bins,
            expected_error=float(gaps.sum() / total),
            brier=float(self.squares.sum() / total),
        )


def _binned(
    probability: Float[np.ndarray, " voxel"], reference: Bool[np.ndarray, " voxel"]
) -> Float64[np.ndarray, "4 15"]:
    """By bin: voxels, summed probability, summed truth, summed squared error."""
    p = probability.astype(np.float64)
    is_there = reference.astype(np.float64)
    place = np.clip((p * BINS).astype(np.int64), 0, BINS - 1)
    summands = (np.ones_like(p), p, is_there, (p - is_there) ** 2)
    return np.array([np.bincount(place, each, minlength=BINS) for each in summands])


def _box(
    mask: Bool[np.ndarray, "i j k"], spacing_mm: Spacing
) -> tuple[slice, slice, slice] | None:
    if not mask.any():
        return None
    ends = []
    for axis, spacing in enumerate(spacing_mm):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(mask.any(axis=others))
        margin = int(np.ceil(MARGIN_MM / spacing))
        ends.append(slice(max(0, int(used[0]) - margin), int(used[-1]) + 1 + margin))
    i, j, k = ends
    return i, j, k
