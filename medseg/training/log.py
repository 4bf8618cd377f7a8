"""The training log: one CSV line an interval, written as training goes."""

import csv
from collections.abc import Sequence
from pathlib import Path

from medseg.io.safe_writing import written_whole
from medseg.training.loop import StepReport


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
            *(f"pseudo_dice {name}" for name in structures),
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
                    if row and row[0].isdigit() and int(row[0]) <= step
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

    def _write(self) -> None:
        with (
            written_whole(self.path, overwrite=True) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file).writerows([self._columns, *self._rows])
