"""How well a prediction agrees with a reference."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from medseg.core.errors import ErrorCode
from medseg.core.lesions import Detection, LesionScores
from medseg.core.metric import METRICS, Metric, WhenMissed, metric_named


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


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of one case.

    Attributes:
        case_id: Name of the case.
        rows: One a structure, by ascending label.
        lesions: One a structure that is a thing (see `StructureKind`).
        notes: What had to be decided or accepted to compare the two.
    """

    case_id: str
    rows: tuple[StructureScore, ...]
    lesions: tuple[LesionScores, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def mean_dice(self) -> float | None:
        """Mean over the structures present in either mask; None when there is none."""
        return mean_of(row.dice for row in self.rows)

    @property
    def mean_iou(self) -> float | None:
        """Mean over the structures present in either mask; None when there is none."""
        return mean_of(row.iou for row in self.rows)

    def __getitem__(self, structure: str) -> StructureScore:
        for row in self.rows:
            if row.structure == structure:
                return row
        names = ", ".join(row.structure for row in self.rows)
        raise KeyError(f"no structure {structure!r}; there are {names}")

    def table(self) -> str:
        """The rows as plain text, columns aligned, with the means below."""
        return scores_table((self,))


@dataclass(frozen=True, kw_only=True)
class MetricMean:
    """One measure of one structure, averaged over cases.

    Attributes:
        metric: Name of the measure.
        value: The mean; None when n is 0.
        n: Values averaged.
        imputed: Values among them that stand for a missed or spurious structure.
    """

    metric: str
    value: float | None
    n: int
    imputed: int


@dataclass(frozen=True, kw_only=True)
class StructureMean:
    """Scores of one structure over several cases.

    Attributes:
        structure: Name.
        label: Number in the label maps.
        n: Cases in which either mask holds it.
        missed: Cases among them with an empty prediction.
        spurious: Cases among them with an empty reference.
        absent: Cases left out since both masks are empty.
        means: One a measure that has a value in any case, in the order of `METRICS`.
    """

    structure: str
    label: int
    n: int
    missed: int
    spurious: int
    absent: int
    means: tuple[MetricMean, ...]

    def __getitem__(self, metric: str) -> MetricMean:
        for mean in self.means:
            if mean.metric == metric:
                return mean
        metric_named(metric)
        return MetricMean(metric=metric, value=None, n=0, imputed=0)

    @property
    def dice(self) -> float | None:
        """Mean Dice; None when no case has one."""
        return self["dice"].value

    @property
    def iou(self) -> float | None:
        """Mean IoU; None when no case has one."""
        return self["iou"].value


@dataclass(frozen=True, kw_only=True)
class LesionMeans:
    """The lesions of one structure over several cases.

    Attributes:
        structure: Name.
        label: Number in the label maps.
        cases: How many were looked at, with lesions or without.
        detections: Counts summed over the cases, one an IoU threshold.
    """

    structure: str
    label: int
    cases: int
    detections: tuple[Detection, ...]


@dataclass(frozen=True, kw_only=True)
class FailedCase:
    """A case of a folder that could not be scored, and why.

    Attributes:
        case_id: Name of the case.
        code: Stable name of the problem.
        what: What is wrong, in words; names no folder.
        message: The whole line (code, what, where, remedy), for the screen only.
    """

    case_id: str
    code: ErrorCode
    what: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores of several cases, and every case that has none.

    Attributes:
        cases: By ascending case id, each with a row for every structure of any case.
        missing: References without a prediction.
        surplus: Predictions without a reference.
        failed: Pairs that could not be read or compared.
        trained_on: Cases among them whose prediction is by a model trained on them.
    """

    cases: tuple[Scores, ...]
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    failed: tuple[FailedCase, ...] = ()
    trained_on: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every reference was compared with a prediction."""
        return not self.missing and not self.failed

    @property
    def means(self) -> tuple[StructureMean, ...]:
        """One a structure, over the cases."""
        return structure_means(self.cases)

    @property
    def mean_dice(self) -> float | None:
        """Mean over structures of their means over cases."""
        return mean_of(mean.dice for mean in self.means)

    @property
    def mean_iou(self) -> float | None:
        """Mean over structures of their means over cases."""
        return mean_of(mean.iou for mean in self.means)

    def table(self) -> str:
        """The scores as plain text, and a line for every case to be told apart."""
        lines = [scores_table(self.cases)] if self.cases else []
        lines += [f"no prediction for {case_id}" for case_id in self.missing]
        lines += [f"no reference for {case_id}" for case_id in self.surplus]
        lines += [f"not scored: {case.case_id}: {case.message}" for case in self.failed]
        lines += [
            f"trained on: {case_id}: the model has seen this scan; its scores do not "
            "count as validation"
            for case_id in self.trained_on
        ]
        return "\n".join(lines)


def mean_of(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are there; None when none is."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def structure_means(
    cases: Sequence[Scores], rule: WhenMissed = WhenMissed.DIAGONAL
) -> tuple[StructureMean, ...]:
    """Means over cases, one a structure, by ascending label."""
    rows: dict[tuple[int, str], list[StructureScore]] = {}
    for case in cases:
        for row in case.rows:
            rows.setdefault((row.label, row.structure), []).append(row)
    return tuple(
        StructureMean(
            structure=structure,
            label=label,
            n=sum(row.state is not MaskState.BOTH_EMPTY for row in of_structure),
            missed=_count(of_structure, MaskState.PREDICTION_EMPTY),
            spurious=_count(of_structure, MaskState.REFERENCE_EMPTY),
            absent=_count(of_structure, MaskState.BOTH_EMPTY),
            means=tuple(_metric_means(of_structure, rule)),
        )
        for (label, structure), of_structure in sorted(rows.items())
    )


def lesion_means(cases: Sequence[Scores]) -> tuple[LesionMeans, ...]:
    """Lesion counts summed over cases, one a structure, by ascending label."""
    found: dict[tuple[int, str], list[LesionScores]] = {}
    for case in cases:
        for each in case.lesions:
            found.setdefault((each.label, each.structure), []).append(each)
    return tuple(
        LesionMeans(
            structure=structure,
            label=label,
            cases=len(each),
            detections=tuple(
                _summed(at_threshold)
                for at_threshold in zip(*(one.detections for one in each), strict=True)
            ),
        )
        for (label, structure), each in sorted(found.items())
    )


def _summed(detections: Sequence[Detection]) -> Detection:
    return Detection(
        iou_threshold=detections[0].iou_threshold,
        found=sum(each.found for each in detections),
        missed=sum(each.missed for each in detections),
        spurious=sum(each.spurious for each in detections),
        summed_iou=sum(each.summed_iou for each in detections),
    )


def _metric_means(
    rows: Sequence[StructureScore], rule: WhenMissed
) -> Iterator[MetricMean]:
    for metric in METRICS:
        if all(row.value(metric) is None for row in rows) and not any(
            row.is_imputed(metric, rule) for row in rows
        ):
            continue
        counted = [row.counted(metric, rule) for row in rows]
        yield MetricMean(
            metric=metric.name,
            value=mean_of(counted),
            n=sum(value is not None for value in counted),
            imputed=sum(row.is_imputed(metric, rule) for row in rows),
        )


def _count(rows: Sequence[StructureScore], state: MaskState) -> int:
    return sum(row.state is state for row in rows)


def scores_table(cases: Sequence[Scores]) -> str:
    """Scores as plain text: a line per case and structure, then the means.

    One case: the mean over its structures. Several: each structure's mean over the
    cases, and the mean of those means.
    """
    with_hu = any(row.mean_hu is not None for case in cases for row in case.rows)
    header = ["case", "structure", "state", "dice", "iou", "volume_ml", "reference_ml"]
    header += ["mean_hu", "sd_hu"] if with_hu else []
    lines = [
        _row_cells(case, row)[: len(header)] for case in cases for row in case.rows
    ]
    means = structure_means(cases)
    if len(cases) == 1:
        lines.append(["mean", f"n={_present(means)}", "", *_mean_cells(means)])
        return _aligned(header, lines, left=3)
    return f"{_aligned(header, lines, left=3)}\n\n{_means_table(means)}"


def _means_table(means: Sequence[StructureMean]) -> str:
    header = ["mean over cases", "n", "missed", "spurious", "absent", "dice", "iou"]
    lines = [
        [
            mean.structure,
            *(str(n) for n in (mean.n, mean.missed, mean.spurious, mean.absent)),
            _number(mean.dice, 3),
            _number(mean.iou, 3),
        ]
        for mean in means
    ]
    counts = [str(_present(means)), "", "", ""]
    lines.append(["mean over structures", *counts, *_mean_cells(means)])
    return _aligned(header, lines, left=1)


def _row_cells(case: Scores, row: StructureScore) -> list[str]:
    return [
        case.case_id,
        row.structure,
        str(row.state),
        _number(row.dice, 3),
        _number(row.iou, 3),
        _number(row.volume_ml, 2),
        _number(row.reference_volume_ml, 2),
        _number(row.mean_hu, 1),
        _number(row.sd_hu, 1),
    ]


def _present(means: Sequence[StructureMean]) -> int:
    return sum(mean.dice is not None for mean in means)


def _mean_cells(means: Sequence[StructureMean]) -> list[str]:
    dice = mean_of(mean.dice for mean in means)
    iou = mean_of(mean.iou for mean in means)
    return [_number(dice, 3), _number(iou, 3)]


def _aligned(header: list[str], lines: list[list[str]], *, left: int) -> str:
    """Columns of equal width: the first `left` flush left, the others flush right."""
    padded = [line + [""] * (len(header) - len(line)) for line in [header, *lines]]
    widths = [max(map(len, column)) for column in zip(*padded, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in padded
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
