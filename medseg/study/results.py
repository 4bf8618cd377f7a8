"""What a study finds: frozen values that the table, the figures and the page show."""

from dataclasses import dataclass

ALL_STRUCTURES = "all structures"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its confidence interval.

    Attributes:
        value: The estimate.
        low: Lower end; None where there are too few cases for an interval.
        high: Upper end; None likewise.
        level: Of the interval, 0.95 for 95 %.
        n: Cases.
        patients: Patients among them, the units that are resampled.
    """

    value: float
    low: float | None
    high: float | None
    level: float
    n: int
    patients: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One measure of one structure by one model.

    Attributes:
        model: Name.
        structure: Name, or `ALL_STRUCTURES` for the mean over structures of means.
        metric: Name of the measure.
        mean: Over cases.
        median: Over cases; None for `ALL_STRUCTURES`.
        sd: Standard deviation over cases (n - 1); None below two, and likewise.
        quartiles: 25th and 75th percentile; None likewise.
        imputed: Values that stand for a missed or spurious structure.
        missed: Cases with an empty prediction.
        spurious: Cases with an empty reference.
        absent: Cases left out since both masks are empty.
    """

    model: str
    structure: str
    metric: str
    mean: Estimate
    median: Estimate | None
    sd: float | None
    quartiles: tuple[float, float] | None
    imputed: int
    missed: int
    spurious: int
    absent: int


@dataclass(frozen=True, kw_only=True)
class NonInferiority:
    """Whether a model is no worse than another by more than a margin.

    Attributes:
        margin: Greatest loss that does not matter, in the measure's unit, 0 or more.
        is_shown: Whether the whole interval of the gain lies above -margin.
    """

    margin: float
    is_shown: bool


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two models on the same cases.

    Attributes:
        first: Name of the model that is subtracted from.
        second: Name of the other.
        structure: Name, or `ALL_STRUCTURES`.
        metric: Name of the measure.
        difference: Mean of first minus second over cases, interval from paired
            resampling of patients.
        p_value: Wilcoxon signed-rank test, two-sided, Pratt's treatment of zeros; over
            patients' mean differences. None below six patients or without a
            difference.
        p_holm: The same after Holm's correction over all comparisons of this measure.
        rank_biserial: Matched-pairs rank-biserial correlation (Kerby, 2014), -1 to 1,
            positive where the first is larger; None without a difference.
        larger: Cases in which the first is larger.
        smaller: Cases in which it is smaller.
        non_inferiority: Of the first to the second; None without a margin.
    """

    first: str
    second: str
    structure: str
    metric: str
    difference: Estimate
    p_value: float | None
    p_holm: float | None
    rank_biserial: float | None
    larger: int
    smaller: int
    non_inferiority: NonInferiority | None


@dataclass(frozen=True, kw_only=True)
class RankedModel:
    """Place of a model among the others for one structure and measure.

    Attributes:
        model: Name.
        mean: What it is ranked by.
        rank: 1 is best; ties share the mean of their ranks.
        rank_shares: Share of the bootstrap samples in which it came 1st, 2nd, ...
            (a shared rank is rounded down).
    """

    model: str
    mean: float
    rank: float
    rank_shares: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Models by mean, best first (aggregate, then rank), and how firm that is.

    Attributes:
        structure: Name, or `ALL_STRUCTURES`.
        metric: Name of the measure.
        models: Best first.
        kendall_tau: Mean over bootstrap samples of Kendall's tau-b between the ranks
            there and here (Wiesenfarth et al., 2021); None when all models tie.
    """

    structure: str
    metric: str
    models: tuple[RankedModel, ...]
    kendall_tau: float | None


@dataclass(frozen=True, kw_only=True)
class VolumeAgreement:
    """Volumes of a model against the reference's, for one structure.

    Attributes:
        model: Name.
        structure: Name.
        bias_ml: Mean of prediction minus reference (Bland and Altman, 1986).
        lower_limit_ml: Mean - 1.96 SD of the differences.
        upper_limit_ml: Mean + 1.96 SD.
        slope: Of the difference on the mean of the two: proportional bias.
        slope_p: Of the slope being 0; None where it cannot be tested.
        icc: ICC(A,1), two-way, single measurement, absolute agreement (McGraw and
            Wong, 1996); None where it cannot be computed.
        volumes_ml: Reference and prediction of each case counted, in the cases' order.
    """

    model: str
    structure: str
    bias_ml: Estimate
    lower_limit_ml: Estimate
    upper_limit_ml: Estimate
    slope: Estimate
    slope_p: float | None
    icc: Estimate | None
    volumes_ml: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Subgroup:
    """One measure within the cases that share a value of a column (a centre).

    Attributes:
        model: Name.
        structure: Name, or `ALL_STRUCTURES`.
        metric: Name of the measure.
        column: Name of the column.
        group: The value shared.
        mean: Over its cases.
    """

    model: str
    structure: str
    metric: str
    column: str
    group: str
    mean: Estimate


@dataclass(frozen=True, kw_only=True)
class VolumeBin:
    """Sensitivity for lesions of one size.

    Attributes:
        from_ml: Smallest volume.
        to_ml: Up to below this; None for the last, open bin.
        lesions: In the reference.
        sensitivity: Share found; None without lesions.
    """

    from_ml: float
    to_ml: float | None
    lesions: int
    sensitivity: Estimate | None


@dataclass(frozen=True, kw_only=True)
class DetectionPoint:
    """Lesions pooled over cases at one IoU threshold.

    Attributes:
        iou_threshold: Of a match.
        sensitivity: None without lesions in the reference.
        precision: None without predicted lesions.
        f1: None without either (RQ).
        segmentation_quality: None without a match (SQ).
        panoptic_quality: None without lesions (PQ).
        false_positives_per_case: Mean over cases.
    """

    iou_threshold: float
    sensitivity: Estimate | None
    precision: Estimate | None
    f1: Estimate | None
    segmentation_quality: float | None
    panoptic_quality: Estimate | None
    false_positives_per_case: Estimate


@dataclass(frozen=True, kw_only=True)
class LesionDetection:
    """How one model finds the lesions of one structure.

    Attributes:
        model: Name.
        structure: Name.
        cases: How many were looked at.
        points: By ascending IoU threshold.
        volume_bins: By ascending volume, lesions found at any overlap.
    """

    model: str
    structure: str
    cases: int
    points: tuple[DetectionPoint, ...]
    volume_bins: tuple[VolumeBin, ...]


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """Voxels to which a model gave nearly the same probability.

    Attributes:
        confidence: Mean probability.
        frequency: Share of these voxels that the reference holds.
        voxels: How many.
    """

    confidence: float
    frequency: float
    voxels: int


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Whether probabilities of one structure are what they say.

    Attributes:
        model: Name.
        structure: Name.
        bins: By ascending confidence; only voxels near the structure are counted.
        expected_error: Mean over voxels of |confidence - frequency| of their bin (ECE,
            Naeini et al., 2015).
        brier: Mean squared difference of probability and truth over the same voxels
            (Brier, 1950).
    """

    model: str
    structure: str
    bins: tuple[CalibrationBin, ...]
    expected_error: float
    brier: float


@dataclass(frozen=True, kw_only=True)
class ModelRiskCoverage:
    """Whether a model's own doubt tells its bad cases from its good ones.

    Attributes:
        model: Name.
        structure: Name.
        coverage: Share of cases kept, the surest first, ascending to 1.
        risk: Mean of 1 - Dice over the cases kept.
        aurc: Area under risk over coverage (`medseg.RiskCoverage`).
        best_aurc: That of a perfect order.
        random_aurc: That of a random order, the mean risk.
        spearman: Rank correlation of confidence and Dice; None when either is
            constant.
        n: Cases.
    """

    model: str
    structure: str
    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    aurc: float
    best_aurc: float
    random_aurc: float
    spearman: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class ReaderAgreement:
    """Agreement of two label maps of the same cases: readers, consensus or models.

    Attributes:
        first: Name of a reader, of the consensus, or of a model.
        second: Name of a reader or the consensus, which the first is scored against.
        structure: Name, or `ALL_STRUCTURES`.
        metric: Name of the measure.
        mean: Over cases.
    """

    first: str
    second: str
    structure: str
    metric: str
    mean: Estimate


@dataclass(frozen=True, kw_only=True)
class WorstCase:
    """A case to look at.

    Attributes:
        model: Name.
        case_id: Name of the case.
        structure: Name of its worst structure.
        metric: Name of the measure.
        value: Of it.
        state: Which masks are empty.
    """

    model: str
    case_id: str
    structure: str
    metric: str
    value: float
    state: str
