"""How well a prediction agrees with a reference."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from medseg.core.errors import ErrorCode


class MaskState(StrEnum):
    """Which of the two masks of a structure hold any voxel."""

    BOTH_PRESENT = "both_present"
    REFERENCE_EMPTY = "reference_empty"
    PREDICTION_EMPTY = "prediction_empty"
    BOTH_EMPTY = "both_empty"


@dataclass(frozen=True, kw_only=True)
class StructureScore:
    """Scores of one structure in one case.

    Attributes:
        structure: Name.
        label: Number in the label maps.
        state: Which masks are empty. dice and iou are 0 when just one is, None (not a
            number to average) when both are.
        dice: 2 |A and B| / (|A| + |B|) (Dice, 1945).
        iou: |A and B| / |A or B| (Jaccard, 1912).
        volume_ml: Volume of the prediction.
        reference_volume_ml: Volume of the reference.
        mean_hu: Mean of the scan over the prediction; None without a CT, or when empty.
        sd_hu: Standard deviation of the same.
        median_hu: Median of the same.
    """

    structure: str
    label: int
    state: MaskState
    dice: float | None
    iou: float | None
    volume_ml: float
    reference_volume_ml: float
    mean_hu: float | None = None
    sd_hu: float | None = None
    median_hu: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of one case.

    Attributes:
        case_id: Name of the case.
        rows: One a structure, by ascending label.
    """

    case_id: str
    rows: tuple[StructureScore, ...]

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
class StructureMean:
    """Scores of one structure over several cases.

    Attributes:
        structure: Name.
        label: Number in the label maps.
        dice: Mean over n cases; None when n is 0.
        iou: Mean over n cases; None when n is 0.
        n: Cases averaged: all but those where both masks are empty.
        missed: Cases among them with an empty prediction, counted as 0.
        spurious: Cases among them with an empty reference, counted as 0.
        absent: Cases left out since both masks are empty.
    """

    structure: str
    label: int
    dice: float | None
    iou: float | None
    n: int
    missed: int
    spurious: int
    absent: int


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


def structure_means(cases: Sequence[Scores]) -> tuple[StructureMean, ...]:
    """Means over cases, one a structure, by ascending label."""
    rows: dict[tuple[int, str], list[StructureScore]] = {}
    for case in cases:
        for row in case.rows:
            rows.setdefault((row.label, row.structure), []).append(row)
    return tuple(
        StructureMean(
            structure=structure,
            label=label,
            dice=mean_of(row.dice for row in of_structure),
            iou=mean_of(row.iou for row in of_structure),
            n=sum(row.state is not MaskState.BOTH_EMPTY for row in of_structure),
            missed=sum(row.state is MaskState.PREDICTION_EMPTY for row in of_structure),
            spurious=sum(
                row.state is MaskState.REFERENCE_EMPTY for row in of_structure
            ),
            absent=sum(row.state is MaskState.BOTH_EMPTY for row in of_structure),
        )
        for (label, structure), of_structure in sorted(rows.items())
    )


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
