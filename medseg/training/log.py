"""The training log: one CSV line an interval, written as training goes."""

import csv
from collections.abc import Sequence
from pathlib import Path

from medseg.io.safe_writing import written_whole
from medseg.report.learning import LearningCurves
from medseg.training.loop import StepReport

_DICE = "pseudo_dice "


class TrainingLog:
    """`log.csv`: step, mean loss since the last line, learning rate, pseudo-Dice, time.

    Attributes:
        path: Of the file.
    """

    def __init__(self, path: Path, structures: Sequence[str]) -> None:
        self.path = path
        self._columns = [
            "step",
            "loss",
            "learning_rate",
            *(f"{_DICE}{name}" for name in structures),
            "seconds",
        ]
        self._rows: list[list[str]] = []

    def rewind(self, step: int) -> None:
        """Keep the lines up to a step; a new file for step 0.

        Raises:
            UnusableInput: DISK_FULL or NOT_WRITABLE.
        """
        self._rows = []
        if step and self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                self._rows = [
                    row
                    for row in csv.reader(file)
                    if len(row) == len(self._columns)
                    and row[0].isdigit()
                    and int(row[0]) <= step
                ]
        self._write()

    def append(self, report: StepReport, dice: Sequence[float | None]) -> None:
        """Add one line.

        Raises:
            UnusableInput: DISK_FULL or NOT_WRITABLE.
        """
        self._rows.append(
            [
                str(report.step),
                f"{report.mean_loss:.4f}",
                f"{report.learning_rate:.3e}",
                *("" if value is None else f"{value:.4f}" for value in dice),
                f"{report.seconds:.1f}",
            ]
        )
        self._write()

    def curves(self) -> LearningCurves:
        """Every line, those of an earlier run too, as numbers."""
        columns = {
            name: [row[place] for row in self._rows]
            for place, name in enumerate(self._columns)
        }
        return LearningCurves(
            steps=[int(cell) for cell in columns["step"]],
            loss=[float(cell) for cell in columns["loss"]],
            learning_rate=[float(cell) for cell in columns["learning_rate"]],
            dice={
                name.removeprefix(_DICE): [float(c) if c else None for c in cells]
                for name, cells in columns.items()
                if name.startswith(_DICE)
            },
        )

    def _write(self) -> None:
        with (
            written_whole(self.path, overwrite=True) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file).writerows([self._columns, *self._rows])
