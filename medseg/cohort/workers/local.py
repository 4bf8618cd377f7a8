"""The executor on this machine: a process for each GPU, or for some processors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from medseg import cohort
from medseg.cohort.folder.journal import Written
from medseg.cohort.recipe import CaseRecipe, CohortWork
from medseg.cohort.settings import HowToRun
from medseg.cohort.stages import Notice, Recipe
from medseg.cohort.workers.supervisor import Limits, Outcome, each_outcome
from medseg.core.cohort import CohortCase
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.settings import Device
from medseg.evaluation.pool import processor_count

CaseOutcome = Outcome[CohortCase, Written] | Notice

_PROCESSORS_A_WORKER = 2


@runtime_checkable
class Executor(Protocol):
    """Whoever works off the cases of a cohort."""

    def __call__(
        self, work: CohortWork, should_stop: Callable[[], bool]
    ) -> Iterator[CaseOutcome]:
        """What becomes of every case, as `each_outcome` tells it."""


@dataclass(frozen=True, kw_only=True)
class LocalExecutor:
    """Processes of this machine.

    Attributes:
        how: How many processes, and their limits.
    """

    how: HowToRun = field(default_factory=HowToRun)

    def __call__(
        self, work: CohortWork, should_stop: Callable[[], bool]
    ) -> Iterator[CaseOutcome]:
        """As `Executor`."""
        devices = devices_for(work.make.inference.device, self.how.workers)
        on_cpu = devices.count(Device("cpu")) or 1
        threads = max(1, processor_count() // max(on_cpu, len(devices)))
        recipes = [
            self.recipe(work, device, threads)
            for device in devices[: max(1, len(work.cases))]
        ]
        limits = Limits(
            time_limit_s=self.how.time_limit_s,
            memory_limit_bytes=self._memory_limit_bytes(devices),
            grace_s=self.how.grace_s,
        )
        return each_outcome(recipes, work.cases, limits, should_stop)

    def recipe(
        self, work: CohortWork, device: Device, threads: int
    ) -> Recipe[CohortCase, Written]:
        """How one of the processes gets its engine."""
        return CaseRecipe(
            folder=work.folder, make=work.make, device=device, threads=threads
        )

    def _memory_limit_bytes(self, devices: Sequence[Device]) -> int | None:
        """A GPU's driver reserves far more addresses than it takes memory."""
        limit_gib = self.how.memory_limit_gib
        if limit_gib is None or any(device != "cpu" for device in devices):
            return None
        return int(limit_gib * 2**30)


def devices_for(device: Device, workers: int | None) -> list[Device]:
    """The device of each process.

    Args:
        device: auto takes every GPU there is, else the CPU.
        workers: Processes; spread over the GPUs where there are several.

    Raises:
        WrongUse: NO_SUCH_DEVICE.
    """
    cpu = Device("cpu")
    gpus = () if device == cpu else cohort.gpus_there()
    chosen = ([*gpus] or [cpu]) if device == "auto" else [device]
    if not {*chosen} <= {cpu, *gpus}:
        raise WrongUse(
            ErrorCode.NO_SUCH_DEVICE,
            f"there is no {device} on this machine",
            where="--device",
            remedy=f"Use {', '.join(['auto', 'cpu', *gpus])}.",
        )
    if chosen == [Device("cpu")]:
        usual = max(1, processor_count() // _PROCESSORS_A_WORKER)
    else:
        usual = len(chosen)
    count = workers or usual
    return [chosen[number % len(chosen)] for number in range(count)]
