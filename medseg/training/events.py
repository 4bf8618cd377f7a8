"""The training log as TensorBoard events. Imported only where they are asked for."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from medseg.io.safe_writing import writing_errors
from medseg.training.loop import StepReport


class TrainingEvents:
    """Loss, learning rate and pseudo-Dice as scalars in a folder of event files."""

    def __init__(self, folder: Path, structures: Sequence[str], step: int) -> None:
        """Go on after a step: events of later ones, from a run that died, are void.

        Raises:
            UnusableInput: DISK_FULL or NOT_WRITABLE, as from the other methods.
        """
        self._structures = tuple(structures)
        self._folder = folder
        with writing_errors(folder):
            self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def append(self, report: StepReport, dice: Sequence[float | None]) -> None:
        """Add the numbers of one interval."""
        numbers: dict[str, float | None] = {
            "loss": report.mean_loss,
            "learning rate": report.learning_rate,
        }
        for name, value in zip(self._structures, dice, strict=True):
            numbers[f"pseudo-Dice/{name}"] = value
        with writing_errors(self._folder):
            for name, number in numbers.items():
                if number is not None:
                    self._writer.add_scalar(name, number, report.step)
            self._writer.flush()

    def close(self) -> None:
        """Let go of the files; what was appended is in them, or was refused then."""
        with suppress(OSError):
            self._writer.close()
