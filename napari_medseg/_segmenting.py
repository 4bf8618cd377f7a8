"""Segmenting a scan with a model, as the Segment panel does; knows no Qt."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import medseg

LOADING = "loading the model"
Report = Callable[[medseg.Progress], object]


@dataclass(frozen=True, kw_only=True)
class SegmentChoice:
    """What the user chose beside the scan.

    Attributes:
        model: Name of a shipped model, or the folder of another.
        settings: How to run it.
    """

    model: str
    settings: medseg.InferenceSettings


@dataclass(frozen=True, eq=False, kw_only=True)
class Segmented:
    """A result and what there is to say about how it was made.

    Attributes:
        segmentation: On the scan's own grid.
        where: Where it was computed, in words.
        seconds: How long it took, loading the model included.
    """

    segmentation: medseg.Segmentation
    where: str
    seconds: float

    def __str__(self) -> str:
        found = self.segmentation
        present = sum(found.mask(name).any() for name in found.labels.names)
        return (
            f"{present} of {len(found.labels)} structures found in "
            f"{duration(self.seconds)} {self.where}."
        )


def run_model(
    volume: medseg.Volume, choice: SegmentChoice, report: Report
) -> Segmented:
    """Load a model and run it over a scan, reporting every window.

    Raises:
        Cancelled: When `report` raises it.
        MedSegError: When model, scan and device do not go together.
    """
    start = time.perf_counter()
    where = where_it_runs(choice.settings.device, medseg.available_devices())
    report(medseg.Progress(stage=LOADING, done=0, total=1, note=where))
    model = medseg.load_model(choice.model)
    segmentation = medseg.segment(volume, model, choice.settings, on_progress=report)
    return Segmented(
        segmentation=segmentation, where=where, seconds=time.perf_counter() - start
    )


def where_it_runs(wanted: medseg.Device, available: tuple[medseg.Device, ...]) -> str:
    """Where work for a device goes, in words that say when it is the CPU."""
    gpus = [device for device in available if device.startswith("cuda")]
    if wanted == "auto":
        return f"on {gpus[0]}" if gpus else "on the CPU (no GPU was found)"
    return "on the CPU" if wanted == "cpu" else f"on {wanted}"


def duration(seconds: float) -> str:
    """Seconds in words, as exact as one wants to know."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


class Countdown:
    """Guesses the time left from the share of the work done so far."""

    def __init__(self, clock: float) -> None:
        self._start = clock
        self._stage = ""

    def seconds_left(self, progress: medseg.Progress, clock: float) -> float | None:
        """Seconds still to go in this stage; None before one can tell.

        Args:
            progress: The latest step.
            clock: The time now, in seconds.
        """
        if progress.stage != self._stage:
            self._stage, self._start = progress.stage, clock
        if not 0 < progress.fraction < 1:
            return None
        return (clock - self._start) * (1 - progress.fraction) / progress.fraction
