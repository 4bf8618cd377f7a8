"""What the user decides about a study."""

from dataclasses import dataclass

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.metric import METRICS, Metric, WhenMissed, metric_named
from medseg.study.statistics.design import DEFAULT_BOOTSTRAP, BootstrapSettings

_NAMES = tuple(metric.name for metric in METRICS)


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """How models are compared.

    Attributes:
        metrics: Names of the measures to report, those that were computed.
        primary: The measure that is tested first, shown in figures and ranks cases.
        margin: Of non-inferiority in the primary measure, 0 or more; None for no such
            test.
        missed: What counts for a distance that a missed structure does not have.
        patient: Column of the case table that names the patient.
        centre: Column that names the centre; patients are drawn within it.
        subgroups: More columns to report by.
        worst: How many of each model's worst cases are shown.
        bootstrap: Of the intervals.

    Raises:
        WrongUse: INVALID_OPTION for a measure there is not, or a margin below 0.
    """

    metrics: tuple[str, ...] = ("dice", "iou", "nsd", "hd95_mm", "assd_mm")
    primary: str = "dice"
    margin: float | None = None
    missed: WhenMissed = WhenMissed.DIAGONAL
    patient: str | None = None
    centre: str | None = None
    subgroups: tuple[str, ...] = ()
    worst: int = 4
    bootstrap: BootstrapSettings = DEFAULT_BOOTSTRAP

    def __post_init__(self) -> None:
        for name in (*self.metrics, self.primary):
            if name not in _NAMES:
                raise WrongUse(
                    ErrorCode.INVALID_OPTION,
                    f"there is no measure {name!r}",
                    where="metrics",
                    remedy=f"Use some of {', '.join(_NAMES)}.",
                )
        if self.primary_metric.is_higher_better is None:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"neither side of {self.primary} is better",
                where="primary",
                remedy="Choose another measure to compare by.",
            )
        if self.margin is not None and self.margin < 0:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"a margin is 0 or more, got {self.margin:g}",
                where="margin",
                remedy="Give the greatest loss that does not matter.",
            )

    @property
    def primary_metric(self) -> Metric:
        """The measure that models are compared by."""
        return metric_named(self.primary)

    @property
    def all_metrics(self) -> tuple[Metric, ...]:
        """The measures to report, the primary one first."""
        names = dict.fromkeys((self.primary, *self.metrics))
        return tuple(metric_named(name) for name in names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the case table that are needed."""
        named = [self.patient, self.centre, *self.subgroups]
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def groupings(self) -> tuple[str, ...]:
        """Columns to report by, the centre first."""
        first = () if self.centre is None else (self.centre,)
        return tuple(dict.fromkeys((*first, *self.subgroups)))


DEFAULT_STUDY = StudySettings()
