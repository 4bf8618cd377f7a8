"""Lesions one by one: which were found, which were not, which are not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Connectivity(IntEnum):
    """Which neighbours belong to one lesion: by face, edge or corner."""

    FACES = 6
    EDGES = 18
    CORNERS = 26

    @property
    def rank(self) -> int:
        """Along how many axes neighbours may differ: 1, 2 or 3."""
        return tuple(Connectivity).index(self) + 1


class BratsRules(StrEnum):
    """The rules of the BraTS 2023 challenges for lesion-wise scores."""

    GLIOMA = "glioma"
    SUB_SAHARAN = "sub-saharan"
    MENINGIOMA = "meningioma"
    METASTASES = "metastases"
    PAEDIATRIC = "paediatric"


class Side(StrEnum):
    """The map a lesion lies in."""

    REFERENCE = "reference"
    PREDICTION = "prediction"


@dataclass(frozen=True, kw_only=True)
class LesionRules:
    """How lesions are told apart and matched.

    Attributes:
        connectivity: What one lesion is.
        minimum_mm3: Smaller pieces are left out, in both maps.
        iou_thresholds: A pair of lesions is a match when its IoU is above the
            threshold; 0 asks for a shared voxel only. Ascending.
        volume_bins_ml: Upper ends of the bins of sensitivity by volume; the last bin
            is open.
        brats: Adds the challenge's own lesion-wise Dice and HD95.
    """

    connectivity: Connectivity = Connectivity.CORNERS
    minimum_mm3: float = 0.0
    iou_thresholds: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5)
    volume_bins_ml: tuple[float, ...] = (0.1, 0.5, 1.0, 5.0)
    brats: BratsRules | None = None

    def __post_init__(self) -> None:
        if not all(0 <= each < 1 for each in self.iou_thresholds):
            raise ValueError(f"IoU thresholds are 0 to 1, got {self.iou_thresholds}")
        if list(self.iou_thresholds) != sorted(set(self.iou_thresholds)):
            raise ValueError(f"IoU thresholds ascend, got {self.iou_thresholds}")
        if self.minimum_mm3 < 0:
            raise ValueError(f"a volume is 0 or more, got {self.minimum_mm3} mm3")
        if list(self.volume_bins_ml) != sorted(set(self.volume_bins_ml)):
            raise ValueError(f"bins ascend, got {self.volume_bins_ml}")


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """One lesion of one case.

    Attributes:
        side: The map it lies in.
        number: From 1, in the order of the first voxel.
        volume_ml: Of this lesion.
        centre_ras_mm: Centre of mass in the patient.
        partner: Number of the lesion of the other map it is matched with by the
            best one-to-one matching of lesions that overlap; None when it has none.
        iou: With its partner; 0 without.
    """

    side: Side
    number: int
    volume_ml: float
    centre_ras_mm: tuple[float, float, float]
    partner: int | None
    iou: float


@dataclass(frozen=True, kw_only=True)
class Detection:
    """Lesions counted at one IoU threshold.

    Attributes:
        iou_threshold: A match has more.
        found: Matched pairs (true positives).
        missed: Reference lesions without a match (false negatives).
        spurious: Predicted lesions without a match (false positives).
        summed_iou: Over the matched pairs.
    """

    iou_threshold: float
    found: int
    missed: int
    spurious: int
    summed_iou: float

    @property
    def sensitivity(self) -> float | None:
        """Found / lesions of the reference; None when it has none."""
        lesions = self.found + self.missed
        return self.found / lesions if lesions else None

    @property
    def precision(self) -> float | None:
        """Found / lesions of the prediction; None when it has none."""
        lesions = self.found + self.spurious
        return self.found / lesions if lesions else None

    @property
    def f1(self) -> float | None:
        """Found / (found + (missed + spurious) / 2); None when there is no lesion.

        The recognition quality (RQ) of Kirillov et al. (2019).
        """
        total = self.found + (self.missed + self.spurious) / 2
        return self.found / total if total else None

    @property
    def segmentation_quality(self) -> float | None:
        """Mean IoU of the matched pairs (SQ, Kirillov et al., 2019); None without."""
        return self.summed_iou / self.found if self.found else None

    @property
    def panoptic_quality(self) -> float | None:
        """SQ times RQ (PQ, Kirillov et al., 2019); None when there is no lesion."""
        total = self.found + (self.missed + self.spurious) / 2
        return self.summed_iou / total if total else None


@dataclass(frozen=True, kw_only=True)
class BratsScore:
    """Lesion-wise scores by the rules of a BraTS 2023 challenge, for one structure.

    Attributes:
        rules: Which challenge's.
        dice: Mean over lesions, 0 for a missed or spurious one; 1 without lesions.
        hd95_mm: Mean over lesions, 374 for a missed or spurious one; 0 without.
        found: Reference lesions above the size threshold that were touched.
        missed: Those that were not.
        spurious: Predicted lesions that touch no dilated reference lesion.
    """

    rules: BratsRules
    dice: float
    hd95_mm: float
    found: int
    missed: int
    spurious: int


@dataclass(frozen=True, kw_only=True)
class LesionScores:
    """The lesions of one structure in one case.

    Attributes:
        structure: Name.
        label: Number in the label maps.
        lesions: The reference's, then the prediction's.
        detections: One an IoU threshold, ascending.
        brats: Where asked for.
    """

    structure: str
    label: int
    lesions: tuple[Lesion, ...]
    detections: tuple[Detection, ...]
    brats: BratsScore | None = None


def summed(detections: Sequence[Detection]) -> Detection:
    """Counts of several cases at one IoU threshold as those of one."""
    return Detection(
        iou_threshold=detections[0].iou_threshold,
        found=sum(each.found for each in detections),
        missed=sum(each.missed for each in detections),
        spurious=sum(each.spurious for each in detections),
        summed_iou=sum(each.summed_iou for each in detections),
    )
