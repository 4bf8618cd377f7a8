"""What a measurement side by side gives."""

from dataclasses import dataclass

from medseg.core.geometry import Shape3


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One contender on one scene.

    Attributes:
        contender: Who.
        seconds: Of each run, in their order.
        median_s: Of these.
        times_medseg: Median divided by MedSeg's.
        peak_mb: Memory at the peak beyond the label maps, MB; None if not measured.
        largest_difference: From MedSeg's values, over all measures both define alike.
    """

    contender: str
    seconds: tuple[float, ...]
    median_s: float
    times_medseg: float
    peak_mb: float | None
    largest_difference: float


@dataclass(frozen=True, kw_only=True)
class SceneTimings:
    """All contenders on one scene, run in turns.

    Attributes:
        scene: What it stands for.
        shape: Of the label maps.
        structures: Labels in both maps.
        timings: MedSeg's first.
    """

    scene: str
    shape: Shape3
    structures: int
    timings: tuple[Timing, ...]

    def __getitem__(self, contender: str) -> Timing:
        return next(each for each in self.timings if each.contender == contender)


@dataclass(frozen=True, kw_only=True)
class MetricsBench:
    """What was measured, and with what.

    Attributes:
        scenes: In the order of measurement.
        tolerance_mm: Of nsd and boundary_iou.
        threads: Of every contender.
        versions: Name and version of what was used.
    """

    scenes: tuple[SceneTimings, ...]
    tolerance_mm: float
    threads: int
    versions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FileTiming:
    """One contender on one task.

    Attributes:
        contender: Who.
        seconds: Of each run, in their order.
        median_s: Of these.
        times_medseg: Median divided by MedSeg's.
        peak_mb: Memory at the peak, the voxels read included; None if not measured.
        file_mb: Size of the file it read or wrote; of all files for a series.
        is_equal: Whether the voxels that it read or wrote were the right ones.
    """

    contender: str
    seconds: tuple[float, ...]
    median_s: float
    times_medseg: float
    peak_mb: float | None
    file_mb: float
    is_equal: bool


@dataclass(frozen=True, kw_only=True)
class TaskTimings:
    """All contenders on one task, run in turns.

    Attributes:
        task: What is read or written.
        timings: MedSeg's first.
    """

    task: str
    timings: tuple[FileTiming, ...]

    def __getitem__(self, contender: str) -> FileTiming:
        return next(each for each in self.timings if each.contender == contender)


@dataclass(frozen=True, kw_only=True)
class FilesBench:
    """What was measured, and with what.

    Attributes:
        shape: Of the scan and of the label map.
        tasks: In the order of measurement.
        versions: Name and version of what was used.
    """

    shape: Shape3
    tasks: tuple[TaskTimings, ...]
    versions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TrainingTiming:
    """One network, or one way to train it.

    Attributes:
        contender: Who.
        parameters: Trainable numbers of the network.
        first_s: Of the first step, compilation included, seconds.
        seconds: Of each step after it.
        median_s: Of these.
        times_first: Median divided by that of the first contender.
        peak_mb: Memory at the peak of a few steps, weights and optimiser included: the
            process's on a CPU, that of the tensors on a GPU; None if not measured.
        busy_share: Share of the steps' time in which the GPU computes or copies; None
            on a CPU, or if not measured.
    """

    contender: str
    parameters: int
    first_s: float
    seconds: tuple[float, ...]
    median_s: float
    times_first: float
    peak_mb: float | None
    busy_share: float | None = None


@dataclass(frozen=True, kw_only=True)
class StepArithmetic:
    """How much the convolutions of a training step compute, and how fast that can be.

    Attributes:
        gflop: Floating-point operations of a step, forward and backward, billions.
        bfloat16_gflop_s: Rate of a product of large matrices on the same device,
            billions of operations a second.
        float32_gflop_s: The same in 32-bit numbers.
    """

    gflop: float
    bfloat16_gflop_s: float
    float32_gflop_s: float

    @property
    def bfloat16_s(self) -> float:
        """A step's time if all its convolutions ran at the rate of the product."""
        return self.gflop / self.bfloat16_gflop_s

    @property
    def float32_s(self) -> float:
        """The same in 32-bit numbers."""
        return self.gflop / self.float32_gflop_s


@dataclass(frozen=True, kw_only=True)
class StepsBeside:
    """MedSeg's training steps in turns with those of another tool's trainer.

    Attributes:
        patch_shape: Of both.
        batch_size: Of both.
        timings: MedSeg's first.
        arithmetic: Of a step of this network, patch and batch.
        versions: Name and version of what the other ran on.
    """

    patch_shape: Shape3
    batch_size: int
    timings: tuple[TrainingTiming, ...]
    arithmetic: StepArithmetic
    versions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TrainingBench:
    """What was measured, and with what.

    Attributes:
        patch_shape: Of every contender of `networks` and `unet`.
        batch_size: Of the same.
        networks: In MedSeg's loop, not compiled; the U-Net first.
        unet: MedSeg's loop as it is, then a plain one.
        nnunet: Beside nnU-Net's trainer, on a patch and batch of its own; None without
            an environment that it is in.
        threads: Of every contender.
        versions: Name and version of what was used.
    """

    patch_shape: Shape3
    batch_size: int
    networks: tuple[TrainingTiming, ...]
    unet: tuple[TrainingTiming, ...]
    nnunet: StepsBeside | None = None
    threads: int
    versions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class InferenceTiming:
    """One contender.

    Attributes:
        contender: Who.
        seconds: Of each run, from the prepared image to the label map.
        median_s: Of these.
        times_medseg: Median of the ratios to MedSeg's run of the same turn.
        peak_mb: Memory of the whole process at its peak, the highest of all runs, MB;
            None if not measured.
        dice: Mean Dice over the structures with the label map that all are compared
            with; None without one, or when neither has any structure.
        least_dice: The same of the structure that has the lowest.
    """

    contender: str
    seconds: tuple[float, ...]
    median_s: float
    times_medseg: float
    peak_mb: float | None
    dice: float | None
    least_dice: float | None


@dataclass(frozen=True, kw_only=True)
class InferenceBench:
    """What was measured, and with what.

    Attributes:
        shape: Voxels of the prepared scan.
        window: Voxels of a window.
        windows: How many MedSeg computes, of each mirrored copy.
        overlap: Fraction shared by neighbouring windows.
        copies: Mirrored copies that are averaged.
        outputs: Of the network, background included.
        parameters: Of the network.
        timings: MedSeg's first.
        compared_with: Contender whose label map all are compared with: MedSeg in 32-bit
            numbers, else the first of the others, which compute in these; None when
            MedSeg is alone.
        precision: Of MedSeg's; others compute in float32 on a processor.
        is_compiled: Whether MedSeg's network was.
        device: Where.
        threads: Of every contender.
        versions: Name and version of what was used.
    """

    shape: Shape3
    window: Shape3
    windows: int
    overlap: float
    copies: int
    outputs: int
    parameters: int
    timings: tuple[InferenceTiming, ...]
    compared_with: str | None
    precision: str
    is_compiled: bool
    device: str
    threads: int
    versions: tuple[str, ...]

    def __getitem__(self, contender: str) -> InferenceTiming:
        return next(each for each in self.timings if each.contender == contender)


@dataclass(frozen=True, kw_only=True)
class CohortTiming:
    """One way to segment all scans.

    Attributes:
        contender: Which.
        seconds: Of each run, in their order, from the command to its end.
        median_s: Of these.
        times_first: Median of the ratios to the first way's run of the same turn.
        first_case_s: Until the first label map is written; the median.
        cases_per_hour: At the median.
        dice_first: Mean Dice, over cases and structures, with the label maps of the
            first way; None where no structure is found.
        least_dice_first: The same of the structure that has the lowest.
    """

    contender: str
    seconds: tuple[float, ...]
    median_s: float
    times_first: float
    first_case_s: float
    cases_per_hour: float
    dice_first: float | None
    least_dice_first: float | None


@dataclass(frozen=True, kw_only=True)
class CohortBench:
    """What was measured, and with what.

    Attributes:
        cases: Scans of every run.
        timings: `cohort run` with one worker first, then with two.
        mirror: Whether mirrored copies were averaged.
        device: Where.
        processors: Of the machine.
        versions: Name and version of what was used.
    """

    cases: int
    timings: tuple[CohortTiming, ...]
    mirror: bool
    device: str
    processors: int
    versions: tuple[str, ...]

    def __getitem__(self, contender: str) -> CohortTiming:
        return next(each for each in self.timings if each.contender == contender)

    @property
    def efficiency(self) -> float:
        """Of two workers: 1 where they take half the time of one."""
        one, two, *_ = self.timings
        return one.median_s / (2 * two.median_s)
