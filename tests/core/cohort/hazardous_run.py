"""`medseg cohort run` with cases that end or block the process that reads them.

    python -m tests.core.cohort.hazardous_run hazardous cases.csv -m MODEL -o OUT

Nothing of MedSeg is replaced: the command line, its progress, its errors and its exit
codes are the real ones; only the engine of the worker processes meets its fate first.
"""

import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg.cli.app import app, main
from medseg.cli.cohort import EXIT_PARTLY_DONE
from medseg.cli.cohort_tables import status_lines
from medseg.cli.console import shown_progress
from medseg.cli.scans import Flat
from medseg.cohort.folder.journal import Written
from medseg.cohort.recipe import CaseEngine, CohortWork
from medseg.cohort.stages import Engine, Recipe
from medseg.cohort.workers.local import Executor
from medseg.core.cohort import CohortCase
from medseg.core.settings import Device, InferenceSettings
from medseg.core.volume import Volume
from tests.core.cohort.hazards import Fate, read_fates

HOURS_S = 36000
DEFAULT_HOW = medseg.HowToRun()

CaseRecipe = Recipe[CohortCase, Written]


@dataclass(frozen=True)
class HazardousRecipe:
    """An engine that reads some cases fatally."""

    recipe: CaseRecipe
    fates: Mapping[str, Fate]

    def start(self) -> CaseEngine:
        engine = self.recipe.start()
        return replace(engine, read=partial(_read, engine, self.fates))


@dataclass(frozen=True, kw_only=True)
class HazardousExecutor(medseg.LocalExecutor):
    """Processes of this machine, in which some cases are fatal.

    Each has one thread, however many they are: sums in bfloat16 depend on the number
    of threads, and where a network has learned nothing so do its labels.
    """

    fates: Mapping[str, Fate]

    def recipe(
        self,
        work: CohortWork,
        device: Device,
        threads: int,  # noqa: ARG002
    ) -> CaseRecipe:
        return HazardousRecipe(super().recipe(work, device, 1), self.fates)


@dataclass(frozen=True, kw_only=True)
class HazardousCluster(medseg.DaskExecutor):
    """Workers of a cluster, in which the same cases are fatal."""

    fates: Mapping[str, Fate]

    def recipe(self, work: CohortWork, threads: int) -> CaseRecipe:  # noqa: ARG002
        return HazardousRecipe(super().recipe(work, 1), self.fates)


def _read(
    engine: Engine[CohortCase, Written],
    fates: Mapping[str, Fate],
    case: CohortCase,
) -> Volume:
    match fates.get(case.case_id):
        case Fate.CRASH:
            signal.raise_signal(signal.SIGSEGV)
        case Fate.HANG:
            time.sleep(HOURS_S)
    volume: Volume = engine.read(case)
    return volume


def hazardous(
    scans: Path,
    /,
    *,
    model: Annotated[Path, Parameter(name=["--model", "-m"])],
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    how: Annotated[medseg.HowToRun, Flat] = DEFAULT_HOW,
    shard: str | None = None,
    scheduler: str | None = None,
) -> int:
    """Run a cohort that `make_cohort` made, as `cohort run --instances` does."""
    inference = InferenceSettings(device=Device("cpu"))
    make = medseg.WhatToMake(
        models=(str(model),), inference=inference, instances=medseg.InstanceRules()
    )
    fates = read_fates(scans.parent)
    executor: Executor = HazardousExecutor(how=how, fates=fates)
    if scheduler is not None:
        executor = HazardousCluster(
            scheduler=scheduler,
            device=inference.device,
            time_limit_s=how.time_limit_s,
            fates=fates,
        )
    with shown_progress() as progress:
        status = medseg.run_cohort(
            medseg.read_manifest(scans),
            out,
            make,
            executor,
            shard=medseg.Shard.parsed(shard) if shard else None,
            on_progress=progress,
        )
    sys.stdout.write("\n".join([*status_lines(status), ""]))
    return 0 if status.is_complete else EXIT_PARTLY_DONE


app.command(hazardous)

if __name__ == "__main__":
    main()
