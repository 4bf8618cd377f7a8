"""How well one structure of one case agrees with the reference."""

from dataclasses import dataclass
from enum import StrEnum

from medseg.core.metric import Metric, WhenMissed


class MaskState(StrEnum):
    """Which of the two masks of a structure hold any voxel."""

    BOTH_PRESENT = "both_present"
    REFERENCE_EMPTY = "reference_empty"
    PREDICTION_EMPTY = "prediction_empty"
    BOTH_EMPTY = "both_empty"


@dataclass(frozen=True, kw_only=True)
class StructureScore:
    """Scores of one structure in one case; `METRICS` defines each of them.

    Attributes:
        structure: Name.
        label: Number in the label maps.
        state: Which masks are empty. When just one is, overlaps are 0 and distances
            None (see `WhenMissed`); when both are, all are None, not a number to
            average.
        dice: 0 to 1.
        iou: 0 to 1.
        precision: 0 to 1.
        recall: 0 to 1.
        hd_mm: Hausdorff distance.
        hd95_mm: Its 95th percentile.
        assd_mm: Average symmetric surface distance.
        masd_mm: Mean average surface distance.
        nsd: Normalised surface distance; None without a tolerance.
        boundary_iou: IoU of the rims; None without a tolerance.
        tolerance_mm: Of nsd and boundary_iou; None when none was given.
        volume_ml: Volume of the prediction.
        reference_volume_ml: Volume of the reference.
        volume_difference_ml: Prediction minus reference.
        volume_difference_percent: Of the reference's volume.
        centroid_distance_mm: Between the centres of mass.
        diagonal_mm: Of the image, from corner voxel centre to corner voxel centre; no
            distance of this case can be longer.
        mean_hu: Mean of the scan over the prediction; None without a CT, or when empty.
        sd_hu: Standard deviation of the same.
        median_hu: Median of the same.
    """

    structure: str
    label: int
    state: MaskState
    dice: float | None
    iou: float | None
    precision: float | None = None
    recall: float | None = None
    hd_mm: float | None = None
    hd95_mm: float | None = None
    assd_mm: float | None = None
    masd_mm: float | None = None
    nsd: float | None = None
    boundary_iou: float | None = None
    tolerance_mm: float | None = None
    volume_ml: float
    reference_volume_ml: float
    volume_difference_ml: float | None = None
    volume_difference_percent: float | None = None
    centroid_distance_mm: float | None = None
    diagonal_mm: float | None = None
    mean_hu: float | None = None
    sd_hu: float | None = None
    median_hu: float | None = None

    def value(self, metric: Metric) -> float | None:
        """What was measured; None where it is undefined or was not asked for."""
        measured: float | None = getattr(self, metric.name)
        return measured

    def counted(self, metric: Metric, rule: WhenMissed) -> float | None:
        """What a mean counts: `value`, or what the rule puts for a missed structure."""
        if self.is_imputed(metric, rule):
            return self.diagonal_mm
        return self.value(metric)

    def is_imputed(self, metric: Metric, rule: WhenMissed) -> bool:
        """Whether `counted` stands for a distance that could not be measured."""
        return (
            metric.is_distance
            and rule is WhenMissed.DIAGONAL
            and self.state in _ONE_EMPTY
            and self.diagonal_mm is not None
        )


_ONE_EMPTY = (MaskState.REFERENCE_EMPTY, MaskState.PREDICTION_EMPTY)
