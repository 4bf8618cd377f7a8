"""Scores of many cases: means, what is missing, and how it was asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medseg.core.errors import ErrorCode
from medseg.core.metric import WhenMissed, metric_named
from medseg.core.score_tables import rows_table
from medseg.core.scores import (
    LesionMeans,
    Scores,
    StructureMean,
    lesion_means,
    mean_of,
    structure_means,
)
from medseg.core.text_table import aligned, number

_SHOWN_MEANS = ("dice", "iou", "hd95_mm", "assd_mm", "nsd")


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
        when_missed: What the means count where a distance could not be measured.
        settings: What was asked for, name and value.
        notes: What to know about the whole: a tolerance whose source is not confirmed,
            cases that could not be checked.
    """

    cases: tuple[Scores, ...]
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    failed: tuple[FailedCase, ...] = ()
    trained_on: tuple[str, ...] = ()
    when_missed: WhenMissed = WhenMissed.DIAGONAL
    settings: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every reference was compared with a prediction."""
        return not self.missing and not self.failed

    @property
    def means(self) -> tuple[StructureMean, ...]:
        """One a structure, over the cases."""
        return structure_means(self.cases, self.when_missed)

    @property
    def lesion_means(self) -> tuple[LesionMeans, ...]:
        """One a structure that is a thing, over the cases."""
        return lesion_means(self.cases)

    @property
    def mean_dice(self) -> float | None:
        """Mean over structures of their means over cases."""
        return mean_of(mean.dice for mean in self.means)

    @property
    def mean_iou(self) -> float | None:
        """Mean over structures of their means over cases (mIoU)."""
        return mean_of(mean.iou for mean in self.means)

    def table(self) -> str:
        """The scores as plain text, and a line for every case to be told apart."""
        lines = self._tables() if self.cases else []
        lines += [
            f"{case.case_id}: {note}" for case in self.cases for note in case.notes
        ]
        lines += [f"no prediction for {case_id}" for case_id in self.missing]
        lines += [f"no reference for {case_id}" for case_id in self.surplus]
        lines += [f"not scored: {case.case_id}: {case.message}" for case in self.failed]
        lines += [
            f"trained on: {case_id}: the model has seen this scan; its scores do not "
            "count as validation"
            for case_id in self.trained_on
        ]
        return "\n".join(lines)

    def _tables(self) -> list[str]:
        if len(self.cases) == 1:
            return [self.cases[0].table()]
        rows = [(case.case_id, row) for case in self.cases for row in case.rows]
        means = self.means
        return [rows_table(rows), "", *_means_lines(means, self.when_missed)]


def _means_lines(means: Sequence[StructureMean], rule: WhenMissed) -> Iterator[str]:
    """Means over cases, then over structures, and how missed structures count."""
    shown = [
        metric_named(name)
        for name in _SHOWN_MEANS
        if name in ("dice", "iou") or any(mean[name].n for mean in means)
    ]
    counts = ["n", "missed", "spurious", "absent", "imputed"]
    lines = [
        [
            mean.structure,
            *(str(n) for n in (mean.n, mean.missed, mean.spurious, mean.absent)),
            str(_imputed(mean)),
            *(number(mean[metric.name].value, metric.digits) for metric in shown),
        ]
        for mean in means
    ]
    overall = [
        number(mean_of(mean[metric.name].value for mean in means), metric.digits)
        for metric in shown
    ]
    present = sum(mean.dice is not None for mean in means)
    lines.append(["mean over structures", str(present), "", "", "", "", *overall])
    header = ["mean over cases", *counts, *(metric.name for metric in shown)]
    yield aligned(header, lines, left=1)
    yield from _rule_line(means, rule)


def _rule_line(means: Sequence[StructureMean], rule: WhenMissed) -> Iterator[str]:
    imputed = sum(_imputed(mean) for mean in means)
    without = sum(mean.missed + mean.spurious for mean in means)
    if imputed:
        yield (
            f"imputed: {imputed} missed or spurious structures have no distance; the "
            "diagonal of the image stands for it in the means"
        )
    elif without and rule is WhenMissed.LEAVE_OUT:
        yield (
            f"left out: {without} missed or spurious structures have no distance and "
            "are not in the means of distances"
        )


def _imputed(mean: StructureMean) -> int:
    """Cases for whose distances something else stands."""
    return max((each.imputed for each in mean.means), default=0)
