"""What a training leaves behind every so many steps."""

import importlib
import importlib.util
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from medseg import report as drawing
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.labels import Colour
from medseg.core.plan import Plan
from medseg.core.settings import TrainingSettings
from medseg.io.safe_writing import remove_leftovers, written_whole
from medseg.training.checkpoint import TrainingState, save_checkpoint
from medseg.training.log import TrainingLog
from medseg.training.loop import StepReport, Watched
from medseg.training.targets import learned_names

_LOGGER = logging.getLogger(__name__)
_SECONDS_BETWEEN_PICTURES = 20.0


class _Events(Protocol):
    def append(self, report: StepReport, dice: tuple[float | None, ...]) -> None: ...

    def close(self) -> None: ...


class Milestones:
    """Log lines, TensorBoard events, pictures and the checkpoint of one training.

    Attributes:
        checkpoint: The file to go on from.
    """

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        settings: TrainingSettings,
        recipe: Mapping[str, str],
    ) -> None:
        """Nothing is written yet."""
        self.checkpoint = folder / "checkpoint.safetensors"
        self._folder = folder
        self._plan = plan
        self._settings = settings
        self._recipe = recipe
        self._log = TrainingLog(folder / "log.csv", learned_names(plan))
        self._events: _Events | None = None
        self._drawn_at = -math.inf

    def start(self, step: int) -> None:
        """Go on after a step: what was logged of later ones is taken back.

        Raises:
            UnusableInput: DISK_FULL or NOT_WRITABLE.
        """
        remove_leftovers(self._folder)
        self._log.rewind(step)
        if self._settings.tensorboard:
            events = importlib.import_module("medseg.training.events")
            self._events = events.TrainingEvents(
                self._folder / "events", learned_names(self._plan), step
            )

    def reach(self, state: TrainingState, report: StepReport, watched: Watched) -> None:
        """Write everything; the checkpoint before what a training can do without.

        Raises:
            UnusableInput: DISK_FULL or NOT_WRITABLE.
        """
        self._log.append(report, watched.dice)
        self.save(state)
        if self._events is not None:
            self._events.append(report, watched.dice)
        if self._is_time_to_draw(state, report):
            self._draw(watched)
            self._drawn_at = report.seconds

    def save(self, state: TrainingState) -> None:
        """Write the checkpoint alone.

        Raises:
            UnusableInput: DISK_FULL or NOT_WRITABLE.
        """
        save_checkpoint(state, self.checkpoint, self._recipe)

    def close(self) -> None:
        """Finish the TensorBoard events.

        Raises:
            UnusableInput: DISK_FULL or NOT_WRITABLE.
        """
        if self._events is not None:
            self._events.close()

    def _is_time_to_draw(self, state: TrainingState, report: StepReport) -> bool:
        """At the end, and not so often that it takes more than a hundredth or two."""
        is_last = report.step >= self._settings.steps
        is_over = state.patience.is_over(self._settings.early_stop)
        waited = report.seconds - self._drawn_at
        return is_last or is_over or waited >= _SECONDS_BETWEEN_PICTURES

    def _draw(self, watched: Watched) -> None:
        """`progress.png` and `samples.png`; nothing where matplotlib is missing."""
        names, colours = learned_names(self._plan), structure_colours(self._plan)
        try:
            pictures = {
                "progress.png": drawing.curves_png(self._log.curves(), colours),
                "samples.png": drawing.patches_png(
                    watched.patches, names, colours, self._plan.spacing_mm
                ),
            }
        except ImportError as error:
            _LOGGER.debug("no pictures of the training: %s", error)
            return
        for name, picture in pictures.items():
            with written_whole(self._folder / name, overwrite=True) as temporary:
                temporary.write_bytes(picture)


def structure_colours(plan: Plan) -> tuple[Colour, ...]:
    """Colour of each learned structure; a region has that of the label it paints."""
    of_label = {structure.id: structure.colour for structure in plan.labels.structures}
    ids = [region.painted_as for region in plan.regions] or plan.labels.ids
    return tuple(of_label[id_] for id_ in ids)


def require_tensorboard() -> None:
    """Refuse to start without TensorBoard where its events are asked for.

    Raises:
        WrongUse: INVALID_OPTION, with the command that installs it.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "TensorBoard is not installed",
            where="--tensorboard",
            remedy="Install it with: pip install tensorboard",
        )
