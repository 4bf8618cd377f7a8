"""Segmenting a scan with a model, as the Segment panel does; knows no Qt."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import medseg
from napari_medseg.layers.evidence import VoxelConfidence

CPU = medseg.Device("cpu")
_MOST_PREDICTED = 3
_MOST_BYTES = 2**30
LOADING = "loading the model"
Report = Callable[[medseg.Progress], object]


@dataclass(frozen=True, kw_only=True)
class SegmentChoice:
    """What the user chose beside the scan.

    Attributes:
        model: Name of a shipped model, or the folder of another.
        settings: How to run it.
        uncertainty: Whether maps of how unsure it is are wanted, too.
    """

    model: str
    settings: medseg.InferenceSettings
    uncertainty: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Segmented:
    """A result and what there is to say about how it was made.

    Attributes:
        segmentation: On the scan's own grid.
        present: Number of structures that were found.
        where: Where it was computed, in words.
        seconds: How long it took, loading the model included.
        predicted_dice: By the model's quality scores, of the structures found; the
            lowest first.
        centres: Where the model saw the centres of lesions, if it has learned that.
        lacks_centres: Whether it has, and they would have taken too much memory.
        confidence: How sure it is of its lesions, where that was cheap to ask for.
        uncertainty: Maps of how unsure it is, where they were asked for.
    """

    segmentation: medseg.Segmentation
    present: int
    where: str
    seconds: float
    predicted_dice: tuple[tuple[str, float], ...] = ()
    centres: medseg.CentreMaps | None = None
    lacks_centres: bool = False
    confidence: VoxelConfidence | None = None
    uncertainty: medseg.Volume | None = None

    def __str__(self) -> str:
        text = (
            f"{self.present} of {len(self.segmentation.labels)} structures found in "
            f"{duration(self.seconds)} {self.where}."
        )
        if self.lacks_centres:
            text += (
                " Of so large a scan the centres of lesions are not kept: split them "
                "with medseg segment --instances."
            )
        if not self.predicted_dice:
            return text
        shown = self.predicted_dice[:_MOST_PREDICTED]
        listed = ", ".join(f"{name} {dice:.2f}" for name, dice in shown)
        lowest = "" if len(shown) == len(self.predicted_dice) else "lowest "
        return f"{text} Predicted Dice, {lowest}{listed}."


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """What a run would take.

    Attributes:
        estimate: In numbers.
        where: Where it would run, in words.
    """

    estimate: medseg.Estimate
    where: str

    def __str__(self) -> str:
        made = self.estimate
        words = [f"{made.windows} windows", f"about {duration(made.seconds)}"]
        if made.memory_bytes is not None:
            words.append(f"about {_size(made.memory_bytes)} of memory")
        text = f"{', '.join(words)} {self.where}, {made.precision}."
        if not made.is_too_large or made.free_bytes is None:
            return text
        free = _size(made.free_bytes)
        uses = "the disk" if made.device == CPU else "main memory, or the disk,"
        return f"{text} Only {free} is free: it will use {uses} and be slow."


def run_model(
    volume: medseg.Volume,
    choice: SegmentChoice,
    report: Report,
    region: medseg.Segmentation | None = None,
) -> Segmented:
    """Load a model and run it over a scan, reporting every window.

    What the model says of single lesions is asked for along with the labels: to run it
    again for them would take as long once more.

    Args:
        volume: The scan.
        choice: Model and settings.
        report: Told every step.
        region: The part of the scan that is looked at; None for all of it.

    Raises:
        Cancelled: When `report` raises it.
        MedSegError: When model, scan and device do not go together.
    """
    start = time.perf_counter()
    where = where_it_runs(choice.settings.device, medseg.available_devices())
    report(medseg.Progress(stage=LOADING, done=0, total=1, note=where))
    model = medseg.load_model(choice.model)
    request = _request(volume, model, choice, region)
    made = medseg.predict(volume, model, choice.settings, report, request)
    segmentation, shares = made.segmentation, made.probabilities
    return Segmented(
        segmentation=segmentation,
        present=len(medseg.voxels_of_labels(segmentation.array).keys() - {0}),
        where=_where_it_ran(choice.settings.device, segmentation.provenance),
        seconds=time.perf_counter() - start,
        predicted_dice=_lowest_first(made.structures),
        centres=made.centres,
        lacks_centres=model.info.plan.head is not None and not request.centres,
        confidence=None if shares is None else VoxelConfidence.of(segmentation, shares),
        uncertainty=made.uncertainty if choice.uncertainty else None,
    )


def _request(
    volume: medseg.Volume,
    model: "medseg.TrainedModel",  # these two load torch
    choice: SegmentChoice,
    region: medseg.Segmentation | None,
) -> "medseg.Request":
    """What is asked of a model beside the labels."""
    plan, grid = model.info.plan, volume.geometry
    wanted = medseg.Wanted(
        probabilities=tells_of_lesions_cheaply(plan, grid),
        uncertainty=choice.uncertainty or model.quality is not None,
        mirror_variance=choice.uncertainty,
    )
    centres = keeps_centres(plan, grid)
    return medseg.Request(wanted=wanted, region=region, centres=centres)


def keeps_centres(plan: medseg.Plan, grid: medseg.Geometry) -> bool:
    """Whether a model sees centres of lesions, and a GiB holds what it says of a scan.

    That is 8 bytes a voxel of the model's own grid, kept as long as the labels.
    """
    scale = math.prod(grid.spacing_mm) / math.prod(plan.spacing_mm)
    needed = 8 * math.prod(grid.shape) * scale
    return plan.head is not None and needed <= _MOST_BYTES


def tells_of_lesions_cheaply(plan: medseg.Plan, grid: medseg.Geometry) -> bool:
    """Whether probabilities tell how sure lesions are, and fit into a GiB meanwhile.

    Those of a model of a hundred organs would take more memory than all the rest. Of
    overlapping regions none is a structure's own.
    """
    thing = medseg.StructureKind.THING
    things = {each.name for each in plan.labels if each.kind is thing}
    needed = 2 * len(plan.output_names) * math.prod(grid.shape)
    is_told = bool(things) and things <= set(plan.output_names)
    return is_told and needed <= _MOST_BYTES


def _lowest_first(
    structures: Sequence[medseg.StructureUncertainty],
) -> tuple[tuple[str, float], ...]:
    there = [
        (each.structure, each.predicted_dice)
        for each in structures
        if each.predicted_dice is not None
    ]
    return tuple(sorted(there, key=lambda named: named[1]))


def estimate_run(
    volume: medseg.Volume,
    choice: SegmentChoice,
    report: Report,
    region: medseg.Segmentation | None = None,
) -> Estimated:
    """Load a model and find out what running it over a scan would take.

    Args:
        volume: As in `run_model`.
        choice: As in `run_model`.
        report: As in `run_model`.
        region: As in `run_model`.

    Raises:
        Cancelled: When `report` raises it.
        MedSegError: When model, scan and device do not go together.
    """
    report(medseg.Progress(stage=LOADING, done=0, total=1))
    model = medseg.load_model(choice.model)
    estimate = medseg.estimate(
        volume, model, choice.settings, report, _request(volume, model, choice, region)
    )
    where = where_it_runs(choice.settings.device, (estimate.device, CPU))
    return Estimated(estimate=estimate, where=where)


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


def _where_it_ran(wanted: medseg.Device, made: medseg.Provenance | None) -> str:
    """Where a result was computed, as its provenance has it."""
    settings = dict(made.settings) if made else {}
    used = medseg.Device(settings.get("device", wanted))
    where = where_it_runs(wanted, (used, CPU))
    precision = settings.get("precision", "")
    return f"{where}, {precision}" if precision else where


def _size(byte_count: int) -> str:
    gib = byte_count / 2**30
    return f"{gib:.1f} GiB" if gib >= 1 else f"{byte_count / 2**20:.0f} MiB"


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
