"""The executor on a cluster of dask workers, each of which keeps the model loaded."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from medseg.cohort.dask.cluster import Cluster, connected, lost
from medseg.cohort.dask.handing import Handing
from medseg.cohort.dask.worker import Job, tombstone_path
from medseg.cohort.folder.journal import Written
from medseg.cohort.keys import asked_for
from medseg.cohort.recipe import CaseRecipe, CohortWork
from medseg.cohort.stages import Recipe
from medseg.cohort.workers.local import CaseOutcome
from medseg.core.cohort import CohortCase
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.settings import Device
from medseg.models import model_folder

_ADDRESS = re.compile(r"[a-z]+://.+|[^/]+:\d+")


@dataclass(frozen=True, kw_only=True)
class DaskExecutor:
    """Workers of a dask cluster, which see the same folders as this machine.

    Paths travel, not arrays. Workers that join later are used, too. A worker has one
    case at a time; one with two or more threads has two, of which one is computed.

    When a worker dies its case is begun anew in another one, and refused as
    WORKER_DIED after the third. A worker with a case that takes too long ends, and the
    case is refused as TIMED_OUT; the worker's nanny starts another one.

    Attributes:
        scheduler: Address, as "tcp://host:8786".
        device: On each worker.
        threads: Of the processor, to compute with; None for as many as a worker has.
            The same number gives the same label maps to the last voxel.
        resources: What a worker must have, as {"GPU": 1}.
        time_limit_s: For the stages of one case.
        grace_s: What running cases have to end in when all is to stop; then their
            workers are restarted.
        patience_s: How long workers may be there of which none can be used. For the
            first worker of a cluster that has none it is waited as long as it takes.

    Raises:
        WrongUse: NO_CLUSTER for what is no address.
    """

    scheduler: str
    device: Device = field(default=Device("auto"))
    threads: int | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    time_limit_s: float = 3600.0
    grace_s: float = 20.0
    patience_s: float = 60.0

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.scheduler):
            raise WrongUse(
                ErrorCode.NO_CLUSTER,
                "this is no address of a dask scheduler",
                where=self.scheduler,
                remedy="Give one as dask scheduler prints it: tcp://HOST:8786.",
            )

    def __call__(
        self, work: CohortWork, should_stop: Callable[[], bool]
    ) -> Iterator[CaseOutcome]:
        """As `Executor`.

        Raises:
            WrongUse: NO_CLUSTER where no scheduler answers.
            UnusableInput: NO_CLUSTER when it is gone, or no worker can be used.
        """
        for case in work.cases:
            tombstone_path(work.folder, case).unlink(missing_ok=True)
        with connected(self.scheduler) as client:
            cluster = Cluster(client, self.resources)
            weights = str(asked_for(work.make)["models"])
            job_for = partial(self._job, work, weights)
            everywhere = [_absolute(case) for case in work.cases]
            handing = Handing(cluster, job_for, everywhere, self.patience_s)
            try:
                yield from self._worked_off(handing, cluster, should_stop)
            finally:
                handing.end()

    def recipe(self, work: CohortWork, threads: int) -> Recipe[CohortCase, Written]:
        """How a worker gets its engine, wherever it runs."""
        coarse = work.make.region_model
        make = replace(
            work.make,
            models=tuple(_anywhere(model) for model in work.make.models),
            region_model=_anywhere(coarse) if coarse else None,
        )
        return CaseRecipe(
            folder=work.folder.absolute(),
            make=make,
            device=self.device,
            threads=threads,
        )

    def _job(self, work: CohortWork, weights: str, threads_there: int) -> Job:
        threads = self.threads or threads_there
        return Job(
            recipe=self.recipe(work, threads),
            folder=work.folder.absolute(),
            weights=weights,
            time_limit_s=self.time_limit_s,
        )

    def _worked_off(
        self, handing: Handing, cluster: Cluster, should_stop: Callable[[], bool]
    ) -> Iterator[CaseOutcome]:
        stopped_s: float | None = None
        while not handing.is_over:
            if should_stop() and stopped_s is None:
                stopped_s = time.monotonic()
            if stopped_s is not None:
                if time.monotonic() - stopped_s > self.grace_s:
                    break
                handing.begin_no_more()
            if cluster.is_lost or handing.is_cut_off:
                yield from handing.give_up()
                raise lost(self.scheduler)
            try:
                yield from handing.step()
            except OSError as error:
                raise lost(self.scheduler) from error
        yield from handing.give_up()


def _absolute(case: CohortCase) -> CohortCase:
    """A case whose paths mean the same wherever a worker runs."""
    return replace(
        case,
        images=tuple(image.absolute() for image in case.images),
        reference=case.reference.absolute() if case.reference else None,
    )


def _anywhere(model: str) -> str:
    """A shipped model's name as it is; a folder as an absolute path."""
    folder = model_folder(model)
    return str(folder.absolute()) if folder == Path(model) else model
