"""How well a prediction agrees with a reference, and means over cases."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from medseg.core.lesions import Detection, LesionScores, summed
from medseg.core.metric import METRICS, WhenMissed, metric_named
from medseg.core.score_tables import case_table
from medseg.core.structure_score import MaskState, StructureScore

__all__ = [
    "LesionMeans",
    "MaskState",
    "MetricMean",
    "Scores",
    "StructureMean",
    "StructureScore",
    "lesion_means",
    "mean_of",
    "structure_means",
]


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
        return case_table(
            self.case_id, self.rows, mean_dice=self.mean_dice, mean_iou=self.mean_iou
        )


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
                summed(at_threshold)
                for at_threshold in zip(*(one.detections for one in each), strict=True)
            ),
        )
        for (label, structure), each in sorted(found.items())
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
